-- Passages. Tiers have their bounds in save_chunks_batch and nowhere else. Where the app's table stands already,
-- it gets what it lacks and keeps what it has; rows of its own have no passage_index.
SELECT set_config('soulprint.adopting', (to_regclass('public.conversation_chunks') IS NOT NULL)::text, true);
-- Of a conversation without a time created_at is the epoch.
CREATE TABLE IF NOT EXISTS public.conversation_chunks (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    conversation_id text COLLATE "C" NOT NULL,
    content text NOT NULL,
    created_at timestamptz NOT NULL
);
ALTER TABLE public.conversation_chunks ADD COLUMN IF NOT EXISTS passage_index integer CHECK (passage_index >= 0);
ALTER TABLE public.conversation_chunks ADD COLUMN IF NOT EXISTS title text;
ALTER TABLE public.conversation_chunks ADD COLUMN IF NOT EXISTS token_count integer CHECK (token_count >= 0);
ALTER TABLE public.conversation_chunks ADD COLUMN IF NOT EXISTS chunk_tier text;
ALTER TABLE public.conversation_chunks ADD COLUMN IF NOT EXISTS is_recent boolean DEFAULT false;
ALTER TABLE public.conversation_chunks ADD COLUMN IF NOT EXISTS message_count integer;
ALTER TABLE public.conversation_chunks ADD COLUMN IF NOT EXISTS updated_at timestamptz DEFAULT now();
CREATE UNIQUE INDEX IF NOT EXISTS conversation_chunks_of_conversation
    ON public.conversation_chunks (user_id, conversation_id COLLATE "C", passage_index);
-- Compressing costs twice as much as all the rest of a save (docs/adr/0003-passages.md).
DO $$
DECLARE
    statement text;
BEGIN
    IF current_setting('soulprint.adopting')::boolean THEN
        RETURN;
    END IF;
    FOREACH statement IN ARRAY ARRAY[
        'ALTER TABLE public.conversation_chunks ALTER COLUMN content SET STORAGE EXTERNAL',
        'ALTER TABLE public.conversation_chunks ENABLE ROW LEVEL SECURITY',
        'REVOKE ALL ON public.conversation_chunks FROM PUBLIC, anon, authenticated, service_role',
        'GRANT SELECT ON public.conversation_chunks TO authenticated',
        'CREATE POLICY own_rows ON public.conversation_chunks FOR SELECT TO authenticated '
            'USING (user_id = (SELECT auth.uid()))'
    ] LOOP
        EXECUTE statement;
        RAISE NOTICE USING ERRCODE = 'SP010', MESSAGE = statement;
    END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.conversation_chunks TO service_role;
CREATE POLICY soulprint_services ON public.conversation_chunks TO service_role USING (true) WITH CHECK (true);

-- Which run a conversation's passages are of, as its place in the order of the user's runs. A run that leaves
-- a conversation as it is, or deletes it, has its place here all the same. `account` is which of that run's
-- accounts showed it, `lineage` of which lineage it was before.
CREATE TABLE public.conversation_runs (
    user_id uuid NOT NULL,
    conversation_id text COLLATE "C" NOT NULL,
    requested_at timestamptz NOT NULL,
    ordinal bigint NOT NULL,
    account smallint NOT NULL DEFAULT 0,
    lineage text COLLATE "C",
    PRIMARY KEY (user_id, conversation_id)
);

ALTER TABLE public.conversation_runs ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.conversation_runs FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.conversation_runs TO service_role;
CREATE POLICY services ON public.conversation_runs TO service_role USING (true) WITH CHECK (true);

-- Makes these conversations (given once each) the run's at this place, but for those that a newer run has:
-- these are answered, and must be left alone. Until the caller's transaction ends no other run gets at them.
CREATE FUNCTION public.take_conversations(
    p_user uuid, p_requested_at timestamptz, p_ordinal bigint, ids text[], accounts smallint[]) RETURNS text[]
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    taken integer;
BEGIN
    -- In one order, so that two runs at once wait for each other and not both.
    INSERT INTO conversation_runs AS r (user_id, conversation_id, requested_at, ordinal, account)
    SELECT p_user, n.id, p_requested_at, p_ordinal, coalesce(n.account, 0)
        FROM unnest(ids, accounts) AS n(id, account) ORDER BY n.id COLLATE "C"
    ON CONFLICT (user_id, conversation_id) DO UPDATE SET
        requested_at = excluded.requested_at, ordinal = excluded.ordinal, account = excluded.account,
        -- what the run before found out by reading its export to the end, else what was known before that
        lineage = coalesce((SELECT i.accounts -> r.account::integer ->> 'lineage' FROM imports i
                            WHERE i.ordinal = r.ordinal), r.lineage)
    WHERE (r.requested_at, r.ordinal) < (excluded.requested_at, excluded.ordinal);
    GET DIAGNOSTICS taken = ROW_COUNT;
    IF taken = cardinality(ids) THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(
        SELECT n.id FROM unnest(ids) AS n(id)
        CROSS JOIN LATERAL (
            SELECT FROM conversation_runs r
            WHERE r.user_id = p_user AND r.conversation_id = n.id COLLATE "C"
              AND (r.requested_at, r.ordinal) > (p_requested_at, p_ordinal) OFFSET 0) newer);
END
$$;

-- Stores passages of a run: new ones are inserted, changed ones rewritten, unchanged ones left. Where a
-- passage is the last of its conversation, those beyond it go. Of the same passage given twice, the last one
-- counts. Conversations that a newer run has are passed over, all of a shadow run; a caller that names no run, as before, overwrites.
-- is_recent is meant as of `now`: by default the moment of the save.
CREATE FUNCTION public.save_chunks_batch(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    owner uuid := (argument ->> 'user_id')::uuid;
    recent_from timestamptz := coalesce((argument ->> 'now')::timestamptz, now()) - interval '180 days';
    i imports;
    shown text[];
    accounts smallint[];
    newer text[] := '{}';
    written integer;
    deleted integer := 0;
    gone integer;
    finished record;
BEGIN
    IF argument ->> 'import_id' IS NOT NULL THEN
        SELECT * INTO i FROM imports n
            WHERE n.import_id = (argument ->> 'import_id')::uuid AND n.run = (argument ->> 'run')::integer
              AND n.user_id = owner;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'passages of a run that is not of this user' USING ERRCODE = 'SP002';
        ELSIF i.kind = 'shadow' THEN
            RETURN jsonb_build_object('written', 0, 'deleted', 0);
        END IF;
        SELECT array_agg(e.conversation_id), array_agg(e.account) INTO shown, accounts
            FROM (SELECT e.conversation_id, max(e.account) AS account
                  FROM jsonb_to_recordset(argument -> 'passages') AS e(conversation_id text, account smallint)
                  GROUP BY e.conversation_id) e;
        newer := take_conversations(owner, i.requested_at, i.ordinal, coalesce(shown, '{}'), accounts);
    END IF;
    INSERT INTO conversation_chunks AS c (user_id, conversation_id, passage_index, title, content, token_count,
                                          chunk_tier, message_count, created_at, is_recent)
    SELECT owner, p.conversation_id, p.passage_index, p.title, p.content, p.token_count,
           CASE WHEN p.token_count < 500 THEN 'micro' WHEN p.token_count < 1500 THEN 'medium' ELSE 'macro' END,
           p.message_count, coalesce(to_timestamp(p.created_at), 'epoch'),
           coalesce(to_timestamp(p.created_at) >= recent_from, false)
    FROM (
        SELECT DISTINCT ON ((e ->> 'conversation_id') COLLATE "C", (e ->> 'passage_index')::integer)
               e ->> 'conversation_id' AS conversation_id, (e ->> 'passage_index')::integer AS passage_index,
               e ->> 'title' AS title, e ->> 'content' AS content,
               (e ->> 'token_count')::integer AS token_count,
               (e ->> 'message_count')::integer AS message_count,
               (e ->> 'created_at')::double precision AS created_at
        FROM jsonb_array_elements(argument -> 'passages') WITH ORDINALITY AS x(e, n)
        WHERE e ->> 'conversation_id' <> ALL (newer)
        ORDER BY (e ->> 'conversation_id') COLLATE "C", (e ->> 'passage_index')::integer, n DESC
    ) p
    ON CONFLICT (user_id, conversation_id, passage_index) DO UPDATE SET
        title = excluded.title, content = excluded.content, token_count = excluded.token_count,
        chunk_tier = excluded.chunk_tier, message_count = excluded.message_count,
        created_at = excluded.created_at, is_recent = excluded.is_recent, updated_at = now()
    WHERE (c.title, c.token_count, c.message_count, c.created_at, c.is_recent, c.content)
        IS DISTINCT FROM (excluded.title, excluded.token_count, excluded.message_count,
                          excluded.created_at, excluded.is_recent, excluded.content);
    GET DIAGNOSTICS written = ROW_COUNT;
    -- One probe of the key a conversation: joined, the planner may read all passages of the user at every
    -- call, as it does while the table is new and not analysed.
    FOR finished IN
        SELECT DISTINCT ON (e.conversation_id) e.conversation_id, e.passage_index
        FROM ROWS FROM (jsonb_to_recordset(argument -> 'passages')
                        AS (conversation_id text, passage_index integer, last boolean))
             WITH ORDINALITY AS e(conversation_id, passage_index, last, n)
        WHERE e.last AND e.conversation_id <> ALL (newer) ORDER BY e.conversation_id, e.n DESC
    LOOP
        DELETE FROM conversation_chunks c
        WHERE c.user_id = owner AND c.conversation_id COLLATE "C" = finished.conversation_id
          AND c.passage_index > finished.passage_index;
        GET DIAGNOSTICS gone = ROW_COUNT;
        deleted := deleted + gone;
    END LOOP;
    RETURN jsonb_build_object('written', written, 'deleted', deleted);
END
$$;

-- The words of a search as patterns, all of which must match; `%`, `_` and `\` stand for themselves.
CREATE FUNCTION public.search_patterns(search text) RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(array_agg('%' || regexp_replace(w, '([\\%_])', '\\\1', 'g') || '%'), '{}')
    FROM regexp_split_to_table(search, '\s+') w WHERE w <> ''
$$;

-- All passages of one conversation, in order.
CREATE FUNCTION public.read_passages(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT c.conversation_id, c.passage_index, c.title, c.content, c.token_count, c.chunk_tier,
               c.is_recent, c.message_count, nullif(c.created_at, 'epoch') AS created_at
        FROM conversation_chunks c
        WHERE c.user_id = (argument ->> 'user_id')::uuid
          AND c.conversation_id COLLATE "C" = argument ->> 'conversation_id' AND c.passage_index IS NOT NULL
        ORDER BY c.passage_index) t
$$;

-- Passages that hold all words of `search` (in title or content), newest first, each with the words around
-- the first of them.
CREATE FUNCTION public.search_passages(argument jsonb) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp SET statement_timeout = '450s' AS $$
DECLARE
    p_patterns text[] := search_patterns(coalesce(argument ->> 'search', ''));
    p_first text := lower((regexp_match(argument ->> 'search', '\S+'))[1]);
    answer json;
BEGIN
    IF p_patterns = '{}' THEN
        RETURN '[]';
    END IF;
    SELECT json_agg(t) INTO answer FROM (
        SELECT c.conversation_id, c.passage_index, c.title, nullif(c.created_at, 'epoch') AS created_at,
               c.chunk_tier, c.is_recent,
               substr(c.content, greatest(1, strpos(lower(c.content), p_first) - 80), 240) AS snippet
        FROM (
            SELECT * FROM conversation_chunks m
            WHERE m.user_id = (argument ->> 'user_id')::uuid AND m.passage_index IS NOT NULL
              AND m.title || ' ' || m.content ILIKE ALL (p_patterns)
            ORDER BY m.created_at DESC, m.conversation_id COLLATE "C", m.passage_index
            LIMIT (argument ->> 'limit')::integer
        ) c
        ORDER BY c.created_at DESC, c.conversation_id COLLATE "C", c.passage_index) t;
    RETURN coalesce(answer, '[]');
END
$$;

REVOKE ALL ON FUNCTION
    public.take_conversations(uuid, timestamptz, bigint, text[], smallint[]), public.save_chunks_batch(jsonb),
    public.search_patterns(text), public.read_passages(jsonb), public.search_passages(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.take_conversations(uuid, timestamptz, bigint, text[], smallint[]), public.save_chunks_batch(jsonb),
    public.search_patterns(text), public.read_passages(jsonb), public.search_passages(jsonb)
TO service_role;
