-- Every grounded fact of a run, and beside it copies of those that it joined (imports.joined). `account` says
-- whose it is: accounts_of tells by it. Hidden is what is not read: a fact that another account has, too, or of a
-- lineage of which the run joined a newer one's. `matter` is what consolidation compares: facts of one matter lie side by side.
CREATE TABLE public.facts (
    import_id uuid NOT NULL,
    run integer NOT NULL,
    fact_id uuid NOT NULL,
    account smallint NOT NULL DEFAULT 0,
    user_id uuid NOT NULL,
    category text NOT NULL,
    matter text COLLATE "C" NOT NULL DEFAULT '',
    statement text NOT NULL,
    quote text NOT NULL,
    message_ids text[] NOT NULL,
    conversation_id text COLLATE "C" NOT NULL,
    stated_at timestamptz,
    valid_from date,
    valid_until date,
    confidence double precision NOT NULL,
    source_kind text NOT NULL,
    chunk_index integer NOT NULL,
    status text NOT NULL DEFAULT 'current' CHECK (
        status IN ('current', 'superseded', 'merged', 'hidden')),
    support integer NOT NULL DEFAULT 1 CHECK (support >= 1),
    superseded_by uuid,
    merged_into uuid
) WITH (fillfactor = 85);
-- The order in which facts are read, page by page; facts without a time come first in their matter.
CREATE INDEX facts_in_order ON public.facts
    (import_id, run, matter, (coalesce(stated_at, '-infinity'::timestamptz)), fact_id);
CREATE INDEX facts_merged ON public.facts (import_id, run, merged_into) WHERE merged_into IS NOT NULL;
-- Of indexes that seem alike, as all do that begin with the run while the table is not analysed, the planner
-- takes the one that was made last: one fact is to be found by its key.
ALTER TABLE public.facts ADD PRIMARY KEY (import_id, run, fact_id, account);

ALTER TABLE public.facts ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.facts FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT ON public.facts TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.facts TO service_role;
CREATE POLICY own_rows ON public.facts FOR SELECT TO authenticated
    USING (user_id = (SELECT auth.uid()));
CREATE POLICY services ON public.facts TO service_role USING (true) WITH CHECK (true);

-- A page of a run's facts in the order matter, stated_at (unknown first), fact_id.
-- `after` is [matter, stated_at, fact_id] of the last fact of the page before, or null.
CREATE FUNCTION public.read_facts(argument jsonb) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    p_import_id uuid := (argument ->> 'import_id')::uuid;
    p_run integer := (argument ->> 'run')::integer;
    p_matter text := coalesce(argument -> 'after' ->> 0, '');
    p_stated timestamptz := coalesce((argument -> 'after' ->> 1)::timestamptz, '-infinity');
    p_fact uuid := coalesce((argument -> 'after' ->> 2)::uuid, '00000000-0000-0000-0000-000000000000');
    answer json;
BEGIN
    SELECT json_agg(t) INTO answer FROM (
        SELECT f.fact_id AS id, f.category, f.statement, f.quote, f.message_ids, f.conversation_id,
               f.stated_at, f.valid_from, f.valid_until, f.confidence, f.source_kind,
               f.matter, f.chunk_index, f.status, f.support, f.superseded_by, f.merged_into
        FROM facts f
        WHERE f.import_id = p_import_id AND f.run = p_run AND f.status <> 'hidden'
          AND (f.matter, coalesce(f.stated_at, '-infinity'), f.fact_id) > (p_matter, p_stated, p_fact)
        ORDER BY f.matter, coalesce(f.stated_at, '-infinity'), f.fact_id
        LIMIT (argument ->> 'limit')::integer) t;
    RETURN coalesce(answer, '[]');
END
$$;

-- Writes what merging made of facts. An update says all of it: what it leaves out goes back to its default.
-- Answers how many facts changed.
CREATE FUNCTION public.settle_facts(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET statement_timeout = '450s' AS $$
DECLARE
    p_import_id uuid := (argument ->> 'import_id')::uuid;
    p_run integer := (argument ->> 'run')::integer;
    u record;
    changed integer := 0;
BEGIN
    -- One probe of the key a fact: joined, all facts of the run are read at every call.
    FOR u IN
        SELECT fact_id, coalesce(status, 'current') AS status, coalesce(support, 1) AS support,
               superseded_by, merged_into
        FROM jsonb_to_recordset(argument -> 'updates') AS x(
            fact_id uuid, status text, support integer, superseded_by uuid, merged_into uuid)
    LOOP
        UPDATE facts f SET
                status = u.status, support = u.support,
                superseded_by = u.superseded_by, merged_into = u.merged_into
            WHERE f.import_id = p_import_id AND f.run = p_run AND f.fact_id = u.fact_id
              AND f.status <> 'hidden'
              AND (f.status, f.support, f.superseded_by, f.merged_into)
                  IS DISTINCT FROM (u.status, u.support, u.superseded_by, u.merged_into);
        IF FOUND THEN
            changed := changed + 1;
        END IF;
    END LOOP;
    RETURN to_jsonb(changed);
END
$$;

-- Facts as they are shown, in the order given: each with its conversation's title, the facts it absorbed and
-- the messages of them all, the account whose words it quotes and the lineages in which it was said. Null for none. A page a call: to call a function costs as much as to show a fact.
CREATE FUNCTION public.shown_facts(shown public.facts[]) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    WITH whose AS MATERIALIZED (
        SELECT accounts_of(i) AS by_number,
               (SELECT count(DISTINCT value ->> 'lineage') FROM jsonb_each(accounts_of(i))) > 1 AS several
        FROM imports i WHERE i.import_id = shown[1].import_id AND i.run = shown[1].run
    )
    SELECT json_agg(json_build_object(
        'account', w.by_number -> f.account::text,
        'lineages', CASE WHEN w.several THEN ARRAY(
            SELECT DISTINCT l.lineage COLLATE "C" FROM (
                -- One probe of the key a fact: for several keys at once all facts of the run may be read, for each
                -- that is shown. OFFSET 0 keeps each probe a probe.
                SELECT w.by_number -> m.account::text ->> 'lineage' AS lineage
                FROM (SELECT f.fact_id UNION ALL
                      SELECT d.fact_id FROM facts d
                      WHERE d.import_id = f.import_id AND d.run = f.run AND d.merged_into = f.fact_id) k
                CROSS JOIN LATERAL (
                    SELECT n.account FROM facts n
                    WHERE n.import_id = f.import_id AND n.run = f.run AND n.fact_id = k.fact_id OFFSET 0) m) l
            WHERE l.lineage IS NOT NULL ORDER BY 1)
            ELSE array_remove(ARRAY[w.by_number -> f.account::text ->> 'lineage'], NULL) END,
        'id', f.fact_id, 'category', f.category, 'statement', f.statement, 'quote', f.quote,
        'message_ids', f.message_ids || ARRAY(
            SELECT k FROM facts m, unnest(m.message_ids) k
            WHERE m.import_id = f.import_id AND m.run = f.run AND m.merged_into = f.fact_id
              AND k <> ALL (f.message_ids)
            GROUP BY k ORDER BY min(m.stated_at) NULLS FIRST, k),
        'conversation_id', f.conversation_id, 'stated_at', f.stated_at,
        'valid_from', f.valid_from, 'valid_until', f.valid_until, 'confidence', f.confidence,
        'source_kind', f.source_kind, 'matter', f.matter, 'chunk_index', f.chunk_index, 'status', f.status,
        'support', f.support, 'superseded_by', f.superseded_by, 'merged_into', f.merged_into,
        'merged_ids', ARRAY(
            SELECT m.fact_id FROM facts m
            WHERE m.import_id = f.import_id AND m.run = f.run AND m.merged_into = f.fact_id
            ORDER BY m.fact_id),
        'conversation_title', coalesce((
            SELECT c.title FROM conversation_chunks c
            WHERE c.user_id = f.user_id AND c.conversation_id COLLATE "C" = f.conversation_id
              AND c.passage_index = 0), '')) ORDER BY f.ordinality)
    FROM unnest(shown) WITH ORDINALITY AS f LEFT JOIN whose w ON true
$$;

-- A page of facts as shown: of the run that is named, or of the run whose MEMORY is served.
-- Order and `after` are those of read_facts; `status` is a list or null for all; `search` filters by words.
CREATE FUNCTION public.list_facts(argument jsonb) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp SET statement_timeout = '450s' AS $$
DECLARE
    p_user uuid := (argument ->> 'user_id')::uuid;
    p_import_id uuid := (argument ->> 'import_id')::uuid;
    p_run integer := (argument ->> 'run')::integer;
    p_matter text := coalesce(argument -> 'after' ->> 0, '');
    p_stated timestamptz := coalesce((argument -> 'after' ->> 1)::timestamptz, '-infinity');
    p_fact uuid := coalesce((argument -> 'after' ->> 2)::uuid, '00000000-0000-0000-0000-000000000000');
    p_status text[] := ARRAY(SELECT jsonb_array_elements_text(nullif(argument -> 'status', 'null')));
    p_patterns text[] := search_patterns(coalesce(argument ->> 'search', ''));
BEGIN
    IF p_import_id IS NULL THEN
        SELECT s.memory_import_id, s.memory_run INTO p_import_id, p_run
            FROM served_memories s WHERE s.user_id = p_user;
    END IF;
    RETURN coalesce(shown_facts(ARRAY(
        SELECT f FROM facts f
        WHERE f.import_id = p_import_id AND f.run = p_run AND f.user_id = p_user
          AND f.status <> 'hidden'
          AND (f.matter, coalesce(f.stated_at, '-infinity'), f.fact_id) > (p_matter, p_stated, p_fact)
          AND (p_status = '{}' OR f.status = ANY (p_status))
          AND (p_patterns = '{}' OR f.statement || ' ' || f.quote ILIKE ALL (p_patterns))
        ORDER BY f.matter, coalesce(f.stated_at, '-infinity'), f.fact_id
        LIMIT (argument ->> 'limit')::integer)), '[]');
END
$$;

-- The served facts whose id begins with `prefix` (hexadecimal, dashes or not), ten at most.
CREATE FUNCTION public.find_fact(argument jsonb) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    digits text := lower(replace(argument ->> 'prefix', '-', ''));
BEGIN
    IF digits !~ '^[0-9a-f]{1,32}$' THEN
        RETURN '[]';
    END IF;
    RETURN coalesce(shown_facts(ARRAY(
        SELECT f FROM served_memories s
        JOIN facts f ON f.import_id = s.memory_import_id AND f.run = s.memory_run AND f.user_id = s.user_id
        WHERE s.user_id = (argument ->> 'user_id')::uuid
          AND f.status <> 'hidden'
          AND f.fact_id BETWEEN rpad(digits, 32, '0')::uuid AND rpad(digits, 32, 'f')::uuid
        ORDER BY f.fact_id LIMIT 10)), '[]');
END
$$;

REVOKE ALL ON FUNCTION
    public.read_facts(jsonb), public.settle_facts(jsonb), public.shown_facts(public.facts[]),
    public.list_facts(jsonb), public.find_fact(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.read_facts(jsonb), public.settle_facts(jsonb), public.shown_facts(public.facts[]),
    public.list_facts(jsonb), public.find_fact(jsonb)
TO service_role;
