-- Passages. Tiers have their bounds here and nowhere else: micro under 500 tokens, medium under 1500, macro.
CREATE TABLE public.conversation_chunks (
    user_id uuid NOT NULL,
    conversation_id text COLLATE "C" NOT NULL,
    passage_index integer NOT NULL CHECK (passage_index >= 0),
    title text NOT NULL DEFAULT '',
    content text NOT NULL,
    token_count integer NOT NULL CHECK (token_count >= 0),
    chunk_tier text NOT NULL GENERATED ALWAYS AS (
        CASE WHEN token_count < 500 THEN 'micro' WHEN token_count < 1500 THEN 'medium' ELSE 'macro' END
    ) STORED,
    is_recent boolean NOT NULL DEFAULT false,
    message_count integer NOT NULL DEFAULT 0 CHECK (message_count >= 0),
    created_at timestamptz,
    PRIMARY KEY (user_id, conversation_id, passage_index)
);
-- Compressing costs twice as much as all the rest of a save (docs/adr/0003-passages.md).
ALTER TABLE public.conversation_chunks ALTER COLUMN content SET STORAGE EXTERNAL;

ALTER TABLE public.conversation_chunks ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.conversation_chunks FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT ON public.conversation_chunks TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.conversation_chunks TO service_role;
CREATE POLICY own_rows ON public.conversation_chunks FOR SELECT TO authenticated
    USING (user_id = (SELECT auth.uid()));
CREATE POLICY services ON public.conversation_chunks TO service_role USING (true) WITH CHECK (true);

-- Stores passages: new ones are inserted, changed ones rewritten, unchanged ones left. Where a passage is
-- the last of its conversation, those beyond it go. Of the same passage given twice, the last one counts.
-- is_recent is meant as of `now`: by default the moment of the save.
CREATE FUNCTION public.save_chunks_batch(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    owner uuid := (argument ->> 'user_id')::uuid;
    recent_from timestamptz := coalesce((argument ->> 'now')::timestamptz, now()) - interval '180 days';
    written integer;
    deleted integer := 0;
    gone integer;
    finished record;
BEGIN
    INSERT INTO conversation_chunks AS c (user_id, conversation_id, passage_index, title, content,
                                          token_count, message_count, created_at, is_recent)
    SELECT owner, p.conversation_id, p.passage_index, p.title, p.content, p.token_count, p.message_count,
           to_timestamp(p.created_at), coalesce(to_timestamp(p.created_at) >= recent_from, false)
    FROM (
        SELECT DISTINCT ON (e ->> 'conversation_id', (e ->> 'passage_index')::integer)
               e ->> 'conversation_id' AS conversation_id, (e ->> 'passage_index')::integer AS passage_index,
               e ->> 'title' AS title, e ->> 'content' AS content,
               (e ->> 'token_count')::integer AS token_count,
               (e ->> 'message_count')::integer AS message_count,
               (e ->> 'created_at')::double precision AS created_at
        FROM jsonb_array_elements(argument -> 'passages') WITH ORDINALITY AS x(e, n)
        ORDER BY e ->> 'conversation_id', (e ->> 'passage_index')::integer, n DESC
    ) p
    ON CONFLICT (user_id, conversation_id, passage_index) DO UPDATE SET
        title = excluded.title, content = excluded.content, token_count = excluded.token_count,
        message_count = excluded.message_count, created_at = excluded.created_at,
        is_recent = excluded.is_recent
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
        WHERE e.last ORDER BY e.conversation_id, e.n DESC
    LOOP
        DELETE FROM conversation_chunks c
        WHERE c.user_id = owner AND c.conversation_id = finished.conversation_id COLLATE "C"
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
               c.is_recent, c.message_count, c.created_at
        FROM conversation_chunks c
        WHERE c.user_id = (argument ->> 'user_id')::uuid
          AND c.conversation_id = argument ->> 'conversation_id'
        ORDER BY c.passage_index) t
$$;

-- Passages that hold all words of `search` (in title or content), newest first, each with the words around
-- the first of them.
CREATE FUNCTION public.search_passages(argument jsonb) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    p_patterns text[] := search_patterns(coalesce(argument ->> 'search', ''));
    p_first text := lower((regexp_match(argument ->> 'search', '\S+'))[1]);
    answer json;
BEGIN
    IF p_patterns = '{}' THEN
        RETURN '[]';
    END IF;
    SELECT json_agg(t) INTO answer FROM (
        SELECT c.conversation_id, c.passage_index, c.title, c.created_at, c.chunk_tier, c.is_recent,
               substr(c.content, greatest(1, strpos(lower(c.content), p_first) - 80), 240) AS snippet
        FROM (
            SELECT * FROM conversation_chunks m
            WHERE m.user_id = (argument ->> 'user_id')::uuid
              AND m.title || ' ' || m.content ILIKE ALL (p_patterns)
            ORDER BY m.created_at DESC NULLS LAST, m.conversation_id, m.passage_index
            LIMIT (argument ->> 'limit')::integer
        ) c
        ORDER BY c.created_at DESC NULLS LAST, c.conversation_id, c.passage_index) t;
    RETURN coalesce(answer, '[]');
END
$$;

REVOKE ALL ON FUNCTION
    public.save_chunks_batch(jsonb), public.search_patterns(text), public.read_passages(jsonb),
    public.search_passages(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.save_chunks_batch(jsonb), public.search_patterns(text), public.read_passages(jsonb),
    public.search_passages(jsonb)
TO service_role;
