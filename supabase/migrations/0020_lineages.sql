-- Lineages: one person's accounts at several vendors, whose newest runs make one memory.

-- A lineage is one account at one vendor, known by `account` (what follows from the vendor's id of it, null while
-- no export has said that), or whatever the person imports under one name. import_id and run are of the run that
-- counts for it: the newest that was served. `conversations` is how many of them that run has.
CREATE TABLE public.lineages (
    user_id uuid NOT NULL,
    lineage text COLLATE "C" NOT NULL,
    vendor text NOT NULL,
    account text,
    import_id uuid,
    run integer,
    conversations bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, lineage)
);

ALTER TABLE public.lineages ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.lineages FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT ON public.lineages TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.lineages TO service_role;
CREATE POLICY own_rows ON public.lineages FOR SELECT TO authenticated
    USING (user_id = (SELECT auth.uid()));
CREATE POLICY services ON public.lineages TO service_role USING (true) WITH CHECK (true);

-- Finds the lineage of one account that a run has read: as the person named it; that of the vendor's id; that of
-- which it shows half of the conversations, or that has half of its own, as an export does whose account was not told or
-- is told only now; else a new one.
CREATE FUNCTION public.find_lineage(
    i public.imports, number integer, p_vendor text, p_account text, history text, p_conversations bigint
) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    found text := i.lineage;
BEGIN
    IF found IS NULL AND p_account IS NOT NULL THEN
        SELECT l.lineage INTO found
        FROM lineages l LEFT JOIN imports c ON c.import_id = l.import_id AND c.run = l.run
        WHERE l.user_id = i.user_id AND l.vendor = p_vendor AND l.account = p_account
        ORDER BY c.requested_at DESC NULLS LAST, c.ordinal DESC, l.lineage LIMIT 1;
    END IF;
    IF found IS NULL AND EXISTS (
        SELECT FROM lineages l WHERE l.user_id = i.user_id AND l.vendor = p_vendor
          AND (p_account IS NULL OR l.account IS NULL)) THEN
        SELECT l.lineage INTO found
        FROM (SELECT r.lineage, count(*) AS shared FROM conversation_runs r
              WHERE r.user_id = i.user_id AND r.ordinal = i.ordinal AND r.account = number
              GROUP BY r.lineage) r
        JOIN lineages l ON l.user_id = i.user_id AND l.lineage = r.lineage AND l.vendor = p_vendor
        WHERE (p_account IS NULL OR l.account IS NULL)
          AND 2 * r.shared >= least(p_conversations, coalesce(l.conversations, p_conversations))
        ORDER BY r.shared DESC, l.lineage LIMIT 1;
    END IF;
    RETURN coalesce(found, p_account, history);
END
$$;

-- The accounts that a reading met (`told`), each with its lineage, as imports.accounts holds them. Lineages that
-- are new are noted, of a run that may count for them. Null if the user has too many: each is read again with every
-- import.
CREATE FUNCTION public.resolve_accounts(i public.imports, told jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    most CONSTANT integer := 64;
    kept CONSTANT text[] := ARRAY[
        'vendor', 'conversations', 'messages', 'skipped', 'lost', 'chunks', 'breaks'];
    e record;
    counts CONSTANT boolean := i.kind = 'primary' AND makes_memory(i);
    found text;
    named text[] := '{}';
BEGIN
    FOR e IN
        SELECT n - 1 AS number, x.v ->> 'vendor' AS vendor, x.v ->> 'account' AS account,
               x.v ->> 'history' AS history, coalesce((x.v ->> 'conversations')::bigint, 0) AS conversations
        FROM jsonb_array_elements(told) WITH ORDINALITY AS x(v, n)
        WHERE x.v ->> 'same_as' IS NULL
    LOOP
        found := find_lineage(i, e.number::integer, e.vendor, e.account, e.history, e.conversations);
        INSERT INTO lineages AS l (user_id, lineage, vendor, account)
        SELECT i.user_id, found, e.vendor, e.account WHERE counts
        ON CONFLICT (user_id, lineage) DO UPDATE SET account = excluded.account
            WHERE l.account IS NULL AND excluded.account IS NOT NULL;
        named[e.number] := found;
    END LOOP;
    -- those of which no run was served, as of imports that were cancelled, are read with none
    IF counts AND (SELECT count(*) FROM lineages l WHERE l.user_id = i.user_id
          AND (l.import_id IS NOT NULL OR l.lineage = ANY (named))) > most THEN
        DELETE FROM lineages l
            WHERE l.user_id = i.user_id AND l.import_id IS NULL AND l.lineage = ANY (named);
        RETURN NULL;
    END IF;
    RETURN (
        SELECT jsonb_agg(
            (SELECT jsonb_object_agg(k, x.v -> k) FROM unnest(kept) k) || jsonb_build_object(
                'lineage', named[coalesce((x.v ->> 'same_as')::integer, n::integer - 1)]) ORDER BY n)
        FROM jsonb_array_elements(told) WITH ORDINALITY AS x(v, n));
END
$$;

-- Which of a run's own lineages a newer run counts for.
CREATE FUNCTION public.outdone_lineages(i public.imports) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT ARRAY(
        SELECT l.lineage FROM lineages l JOIN imports c ON c.import_id = l.import_id AND c.run = l.run
        WHERE l.user_id = i.user_id AND l.lineage = ANY (own_lineages(i))
          AND (c.requested_at, c.ordinal) > (i.requested_at, i.ordinal))
$$;

-- What is to stand beside a run's own facts, as imports.joined holds it: for every other lineage of the user the
-- run that counts, with the number of its account there. Of a run that covers several, a lineage of which a newer
-- run counts is another one, too; where that is so of all, or `whole` asks for it, the run stands for all it has.
-- Nothing beside a run that was not read to its end; and nothing of an export in which there was nothing at all.
CREATE FUNCTION public.join_for(i public.imports, whole boolean DEFAULT false) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    own text[] := own_lineages(i);
    outdone text[];
BEGIN
    IF coalesce(cardinality(own), 0) = 0 OR NOT EXISTS (
        SELECT FROM lineages l WHERE l.user_id = i.user_id AND l.import_id IS NOT NULL
          AND (l.import_id, l.run) <> (i.import_id, i.run)
          AND (cardinality(own) > 1 OR l.lineage <> ALL (own))) THEN
        RETURN '[]';
    END IF;
    outdone := CASE WHEN whole THEN '{}' ELSE outdone_lineages(i) END;
    IF cardinality(outdone) < cardinality(own) THEN
        own := ARRAY(SELECT o FROM unnest(own) o WHERE o <> ALL (outdone));
    END IF;
    RETURN (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'lineage', l.lineage, 'vendor', a.e ->> 'vendor', 'import_id', c.import_id, 'run', c.run,
            'account', a.n - 1) ORDER BY l.lineage, a.n), '[]')
        FROM lineages l JOIN imports c ON c.import_id = l.import_id AND c.run = l.run
        CROSS JOIN LATERAL jsonb_array_elements(c.accounts) WITH ORDINALITY AS a(e, n)
        WHERE l.user_id = i.user_id AND l.lineage <> ALL (own) AND a.e ->> 'lineage' = l.lineage
          AND NOT (l.lineage = '' AND coalesce(l.conversations, 0) = 0));
END
$$;

-- The numbers of a run's accounts that are of a lineage, its own or joined.
CREATE FUNCTION public.account_numbers(i public.imports, p_lineage text) RETURNS smallint[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT ARRAY(SELECT key::smallint FROM jsonb_each(accounts_of(i)) WHERE value ->> 'lineage' = p_lineage)
$$;

-- How many current facts a run has of those lineages that `i` has read itself.
CREATE FUNCTION public.own_facts(r public.imports, i public.imports) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT count(*) FROM facts f
    WHERE f.import_id = r.import_id AND f.run = r.run AND f.status = 'current' AND f.account = ANY (ARRAY(
        SELECT unnest(account_numbers(r, l)) FROM unnest(own_lineages(i)) l
        WHERE NOT i.joined @> jsonb_build_array(jsonb_build_object('lineage', l))))
$$;

-- Where what a run read of a lineage breaks.
CREATE FUNCTION public.broken_in(i public.imports, p_lineage text) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(jsonb_agg(b ORDER BY n, m), '[]')
    FROM jsonb_array_elements(i.accounts) WITH ORDINALITY AS x(e, n),
         jsonb_array_elements(coalesce(e -> 'breaks', '[]')) WITH ORDINALITY AS y(b, m)
    WHERE e ->> 'lineage' = p_lineage
$$;

-- Puts copies of what is to be joined beside a run's own facts, in place of those that it joined before, and hides
-- what must not be read beside them: its own facts of a lineage that is joined, and of a fact that several accounts
-- have all but one. Answers the run as it is then.
CREATE FUNCTION public.join_lineages(i public.imports, joining jsonb) RETURNS public.imports
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    j record;
    d record;
BEGIN
    -- A statement for each run and each fact: joined, the planner may read all facts there are, or those of the run
    -- again for each of them, as it does while they are newer than what it knows of the table.
    -- What a run that was opened again joined may have changed with the run that it is of.
    IF joining <> i.joined OR i.reopened_at IS NOT NULL THEN
        DELETE FROM facts f WHERE f.import_id = i.import_id AND f.run = i.run AND f.account >= first_joined();
        FOR j IN
            SELECT (x.e ->> 'import_id')::uuid AS import_id, (x.e ->> 'run')::integer AS run,
                   (x.e ->> 'account')::smallint AS account, (first_joined() + x.n - 1)::smallint AS number
            FROM jsonb_array_elements(joining) WITH ORDINALITY AS x(e, n) ORDER BY x.n
        LOOP
            INSERT INTO facts (import_id, run, fact_id, account, user_id, category, matter, statement, quote,
                               message_ids, conversation_id, stated_at, valid_from, valid_until, confidence,
                               source_kind, chunk_index)
            SELECT i.import_id, i.run, f.fact_id, j.number, f.user_id, f.category, f.matter, f.statement, f.quote,
                   f.message_ids, f.conversation_id, f.stated_at, f.valid_from, f.valid_until, f.confidence,
                   f.source_kind, f.chunk_index
            FROM facts f
            WHERE f.import_id = j.import_id AND f.run = j.run AND f.account = j.account
            ORDER BY f.fact_id;
        END LOOP;
        UPDATE imports SET joined = joining, edition = edition + CASE WHEN joining <> i.joined THEN 1 ELSE 0 END
            WHERE import_id = i.import_id AND run = i.run RETURNING * INTO i;
    END IF;
    FOR d IN
        SELECT w.fact_id, w.account FROM (
            SELECT o.fact_id, o.account, a.lineage IS NULL OR row_number() OVER (
                       PARTITION BY o.fact_id
                       ORDER BY a.lineage IS NULL, o.stated_at, a.lineage COLLATE "C", o.account) > 1 AS hides
            FROM facts o
            LEFT JOIN (SELECT key::smallint AS account, value ->> 'lineage' AS lineage
                       FROM jsonb_each(accounts_of(i))) a ON a.account = o.account
            WHERE o.import_id = i.import_id AND o.run = i.run) w
        WHERE w.hides
    LOOP
        UPDATE facts f SET status = 'hidden'
            WHERE f.import_id = i.import_id AND f.run = i.run AND f.fact_id = d.fact_id AND f.account = d.account;
    END LOOP;
    RETURN i;
END
$$;

-- Notes that a run counts for those of its lineages that it stands for.
CREATE FUNCTION public.count_lineages(i public.imports) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE lineages l SET import_id = i.import_id, run = i.run, conversations = (
            SELECT sum((e ->> 'conversations')::bigint) FROM jsonb_array_elements(i.accounts) e
            WHERE e ->> 'lineage' = l.lineage)
        WHERE l.user_id = i.user_id AND l.lineage = ANY (own_lineages(i))
          AND NOT i.joined @> jsonb_build_array(jsonb_build_object('lineage', l.lineage))
$$;

-- What was read of a user's other lineages, for the totals of the app's page.
CREATE FUNCTION public.read_of_others(i public.imports, OUT conversations integer, OUT messages integer)
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(sum((e ->> 'conversations')::integer), 0)::integer,
           coalesce(sum((e ->> 'messages')::integer), 0)::integer
    FROM lineages l JOIN imports c ON c.import_id = l.import_id AND c.run = l.run
    CROSS JOIN LATERAL jsonb_array_elements(c.accounts) e
    WHERE l.user_id = i.user_id AND l.lineage <> ALL (own_lineages(i)) AND e ->> 'lineage' = l.lineage
$$;

-- What a memory of the run rests on: of each account that counts in it what was read and what was not, and the
-- richest conversations of all; in an order that does not depend on which of them was imported first.
CREATE FUNCTION public.read_joined(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    i imports;
BEGIN
    SELECT * INTO i FROM imports n
        WHERE n.import_id = (argument ->> 'import_id')::uuid AND n.run = (argument ->> 'run')::integer;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    RETURN (
        WITH parts AS MATERIALIZED (
            SELECT p.lineage, p.number, s.sample, s.accounts -> p.source AS a, p.import_id, p.run, p.source
            FROM (
                SELECT key::integer AS number, value ->> 'lineage' AS lineage,
                       coalesce((j.e ->> 'import_id')::uuid, i.import_id) AS import_id,
                       coalesce((j.e ->> 'run')::integer, i.run) AS run,
                       coalesce((j.e ->> 'account')::integer, key::integer) AS source
                FROM jsonb_each(accounts_of(i))
                LEFT JOIN jsonb_array_elements(i.joined) WITH ORDINALITY AS j(e, n)
                    ON first_joined() + j.n - 1 = key::integer) p
            JOIN imports s ON s.import_id = p.import_id AND s.run = p.run
        )
        SELECT jsonb_build_object(
            'newest', (SELECT max(f.stated_at) FROM facts f
                       WHERE f.import_id = i.import_id AND f.run = i.run AND f.status <> 'hidden'),
            'parts', coalesce((
                SELECT jsonb_agg(p.a || jsonb_build_object(
                    'dead', (SELECT count(*) FROM chunk_results r
                             WHERE r.import_id = p.import_id AND r.run = p.run AND r.account = p.source
                               AND r.status = 'dead'),
                    'unread', (SELECT count(DISTINCT u) FROM chunk_results r, unnest(r.unread) u
                               WHERE r.import_id = p.import_id AND r.run = p.run AND r.account = p.source))
                    ORDER BY p.lineage COLLATE "C", p.number)
                FROM parts p), '[]'),
            'sample', coalesce((
                SELECT jsonb_agg(o.e ORDER BY o.said DESC, o.id COLLATE "C" DESC) FROM (
                    SELECT * FROM (
                        SELECT DISTINCT ON (e ->> 'id') e, e ->> 'id' AS id,
                               (e ->> 'person_characters')::bigint AS said
                        FROM parts p, jsonb_array_elements(p.sample) e
                        WHERE coalesce((e ->> 'account')::integer, 0) = p.source
                        ORDER BY e ->> 'id', (e ->> 'person_characters')::bigint DESC, p.lineage COLLATE "C",
                                 p.number) d
                    ORDER BY d.said DESC, d.id COLLATE "C" DESC
                    LIMIT (argument ->> 'sample_size')::integer) o), '[]')));
END
$$;

REVOKE ALL ON FUNCTION
    public.find_lineage(public.imports, integer, text, text, text, bigint),
    public.resolve_accounts(public.imports, jsonb), public.outdone_lineages(public.imports),
    public.join_for(public.imports, boolean), public.account_numbers(public.imports, text), public.own_facts(public.imports, public.imports),
    public.broken_in(public.imports, text), public.join_lineages(public.imports, jsonb),
    public.count_lineages(public.imports), public.read_of_others(public.imports),
    public.read_joined(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.find_lineage(public.imports, integer, text, text, text, bigint),
    public.resolve_accounts(public.imports, jsonb), public.outdone_lineages(public.imports),
    public.join_for(public.imports, boolean), public.account_numbers(public.imports, text), public.own_facts(public.imports, public.imports),
    public.broken_in(public.imports, text), public.join_lineages(public.imports, jsonb),
    public.count_lineages(public.imports), public.read_of_others(public.imports),
    public.read_joined(jsonb)
TO service_role;
