-- Passages, the results of chunks, and facts.

-- Stores passages: new ones are inserted, changed ones rewritten, unchanged ones left. Where a passage is
-- the last of its conversation, those beyond it go. Of the same passage given twice, the last one counts.
-- is_recent is meant as of `now`: by default the moment of the save.
CREATE FUNCTION public.save_chunks_batch(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    owner uuid := (argument ->> 'user_id')::uuid;
    recent_from timestamptz := coalesce((argument ->> 'now')::timestamptz, now()) - interval '180 days';
    written integer;
    deleted integer;
BEGIN
    INSERT INTO conversation_chunks AS c (user_id, conversation_id, passage_index, title, content,
                                          token_count, message_count, created_at, is_recent)
    SELECT owner, p.conversation_id, p.passage_index, p.title, p.content, p.token_count, p.message_count,
           to_timestamp(p.created_at), coalesce(to_timestamp(p.created_at) >= recent_from, false)
    FROM (
        SELECT DISTINCT ON (e ->> 'conversation_id', (e ->> 'passage_index')::integer)
               e ->> 'conversation_id' AS conversation_id, (e ->> 'passage_index')::integer AS passage_index,
               e ->> 'title' AS title, e ->> 'content' AS content,
               (e ->> 'token_count')::integer AS token_count, (e ->> 'message_count')::integer AS message_count,
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
    DELETE FROM conversation_chunks c
    USING (
        SELECT DISTINCT ON (e.conversation_id) e.conversation_id, e.passage_index
        FROM ROWS FROM (jsonb_to_recordset(argument -> 'passages')
                        AS (conversation_id text, passage_index integer, last boolean))
             WITH ORDINALITY AS e(conversation_id, passage_index, last, n)
        WHERE e.last ORDER BY e.conversation_id, e.n DESC
    ) p
    WHERE c.user_id = owner AND c.conversation_id = p.conversation_id COLLATE "C"
      AND c.passage_index > p.passage_index;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN jsonb_build_object('written', written, 'deleted', deleted);
END
$$;

-- What the cache holds for these contents: {hash: {facts, dropped, unread, usage}}.
CREATE FUNCTION public.lookup_extractions(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_object_agg(c.content_hash, json_build_object(
        'facts', c.facts, 'dropped', c.dropped, 'unread', c.unread, 'usage', c.usage)), '{}')
    FROM extraction_cache c
    WHERE c.user_id = (argument ->> 'user_id')::uuid
      AND c.model = argument ->> 'model' AND c.prompt_version = argument ->> 'prompt_version'
      AND c.content_hash = ANY (ARRAY(SELECT jsonb_array_elements_text(argument -> 'hashes')))
$$;

-- Records results of chunks, of any runs, once each: {event: FactsExtracted, topics: one a fact}, all of one
-- model and prompt version, under which ok results that are not from the cache go into it. A chunk that died may be mended by a later ok result until its run is claimed.
-- Answers how many were new, which were ignored and why, and which touched runs are complete now.
CREATE FUNCTION public.record_chunks(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    recorded integer;
    ignored jsonb;
    complete jsonb := '[]';
    touched record;
BEGIN
    -- One caller at a time per run, locked in one order: no deadlock, and the last one sees the run complete.
    PERFORM FROM imports i
        WHERE (i.import_id, i.run) IN (
            SELECT (e -> 'event' ->> 'import_id')::uuid, (e -> 'event' ->> 'run')::integer
            FROM jsonb_array_elements(argument -> 'results') e)
        ORDER BY i.import_id, i.run FOR UPDATE;

    WITH incoming AS MATERIALIZED (
        SELECT DISTINCT ON (v.import_id, v.run, v.index)
               v.*, e -> 'topics' AS topics
        FROM jsonb_array_elements(argument -> 'results') WITH ORDINALITY AS x(e, n),
             jsonb_to_record(e -> 'event') AS v(
                 import_id uuid, user_id uuid, run integer, chunk_id uuid, index integer, content_hash text,
                 status text, facts jsonb, cached boolean, dropped jsonb, unread jsonb, usage jsonb, error text)
        ORDER BY v.import_id, v.run, v.index, (v.status = 'ok') DESC, n
    ), judged AS MATERIALIZED (
        SELECT n.*, r.status AS was, CASE
            WHEN i.user_id IS DISTINCT FROM n.user_id THEN 'unknown'
            WHEN i.state = 'cancelled' THEN 'cancelled'
            WHEN EXISTS (SELECT FROM imports o WHERE o.import_id = n.import_id AND o.run > n.run) THEN 'older'
            WHEN r.status IS NOT NULL AND NOT (
                r.status = 'dead' AND n.status = 'ok' AND i.state IN ('chunking', 'extracting')) THEN 'repeated'
            WHEN i.state IN ('complete', 'failed') THEN 'finished'
            WHEN n.index >= i.chunks_total THEN 'beyond total'
        END AS refusal
        FROM incoming n
        LEFT JOIN imports i ON i.import_id = n.import_id AND i.run = n.run
        LEFT JOIN chunk_results r
               ON r.import_id = n.import_id AND r.run = n.run AND r.chunk_index = n.index
    ), fresh AS MATERIALIZED (
        SELECT * FROM judged WHERE refusal IS NULL
    ), results AS (
        INSERT INTO chunk_results (import_id, run, chunk_index, chunk_id, user_id, content_hash, status,
                                   cached, dropped, unread, usage, error)
        SELECT import_id, run, index, chunk_id, user_id, content_hash, status, coalesce(cached, false),
               nullif(dropped, '{}'),
               CASE WHEN unread <> '[]' THEN ARRAY(SELECT jsonb_array_elements_text(unread)) END, usage, error
        FROM fresh
        ON CONFLICT (import_id, run, chunk_index) DO UPDATE SET
            status = excluded.status, cached = excluded.cached, dropped = excluded.dropped,
            unread = excluded.unread, usage = excluded.usage, error = excluded.error,
            chunk_id = excluded.chunk_id, content_hash = excluded.content_hash
    ), facts_in AS (
        -- A fact met in several chunks is the one of the latest chunk: a newer version of a conversation
        -- keeps what it repeats when the older version's facts are deleted.
        INSERT INTO facts AS f (import_id, run, fact_id, user_id, category, topic, statement, quote,
                                message_ids, conversation_id, stated_at, valid_from, valid_until,
                                confidence, source_kind, chunk_index)
        SELECT DISTINCT ON (n.import_id, n.run, t.id)
               n.import_id, n.run, t.id, n.user_id, t.category, coalesce(t.topic, ''), t.statement, t.quote,
               t.message_ids, t.conversation_id, t.stated_at, t.valid_from, t.valid_until,
               t.confidence, t.source_kind, n.index
        FROM fresh n,
             ROWS FROM (
                 jsonb_to_recordset(n.facts) AS (
                     id uuid, category text, statement text, quote text, message_ids text[],
                     conversation_id text, stated_at timestamptz, valid_from date, valid_until date,
                     confidence double precision, source_kind text),
                 jsonb_array_elements_text(n.topics)
             ) WITH ORDINALITY AS t(id, category, statement, quote, message_ids, conversation_id, stated_at,
                                    valid_from, valid_until, confidence, source_kind, topic, n)
        WHERE t.id IS NOT NULL
        ORDER BY n.import_id, n.run, t.id, n.index DESC, t.n
        ON CONFLICT (import_id, run, fact_id) DO UPDATE SET
            topic = excluded.topic, quote = excluded.quote, message_ids = excluded.message_ids,
            conversation_id = excluded.conversation_id, stated_at = excluded.stated_at,
            valid_from = excluded.valid_from, valid_until = excluded.valid_until,
            confidence = excluded.confidence, source_kind = excluded.source_kind,
            chunk_index = excluded.chunk_index
        WHERE f.chunk_index < excluded.chunk_index
    ), cache_in AS (
        INSERT INTO extraction_cache (user_id, content_hash, model, prompt_version, facts, dropped, unread, usage)
        SELECT DISTINCT ON (user_id, content_hash COLLATE "C")
               user_id, content_hash, argument ->> 'model', argument ->> 'prompt_version', facts,
               coalesce(dropped, '{}'), coalesce(unread, '[]'), coalesce(usage, '{}')
        FROM fresh WHERE status = 'ok' AND NOT coalesce(cached, false)
        ORDER BY user_id, content_hash COLLATE "C"
        ON CONFLICT DO NOTHING
    ), counted AS (
        UPDATE imports i SET
            chunks_ok = i.chunks_ok + c.ok, chunks_dead = i.chunks_dead + c.dead - c.mended,
            chunks_cached = i.chunks_cached + c.cached, updated_at = now()
        FROM (
            SELECT import_id, run, count(*) FILTER (WHERE status = 'ok') AS ok,
                   count(*) FILTER (WHERE status = 'dead') AS dead, count(was) AS mended,
                   count(*) FILTER (WHERE fresh.cached) AS cached
            FROM fresh GROUP BY import_id, run
        ) c
        WHERE i.import_id = c.import_id AND i.run = c.run
    )
    SELECT count(*) FILTER (WHERE refusal IS NULL),
           coalesce(jsonb_agg(jsonb_build_object('import_id', import_id, 'run', run, 'index', index,
                                                 'reason', refusal)) FILTER (WHERE refusal IS NOT NULL), '[]')
    INTO recorded, ignored FROM judged;

    FOR touched IN
        SELECT i.import_id, i.run, i.state FROM imports i
        WHERE (i.import_id, i.run) IN (
            SELECT (e -> 'event' ->> 'import_id')::uuid, (e -> 'event' ->> 'run')::integer
            FROM jsonb_array_elements(argument -> 'results') e)
          AND is_complete_run(i)
        ORDER BY i.import_id, i.run
    LOOP
        IF touched.state <> 'consolidating' THEN
            PERFORM close_extraction(touched.import_id, touched.run);
        END IF;
        complete := complete || jsonb_build_object('import_id', touched.import_id, 'run', touched.run);
    END LOOP;
    RETURN jsonb_build_object('recorded', recorded, 'ignored', ignored, 'complete', complete);
END
$$;

-- A page of a run's facts in the order topic, stated_at (unknown first), fact_id.
-- `after` is [topic, stated_at, fact_id] of the last fact of the page before, or null.
CREATE FUNCTION public.read_facts(argument jsonb) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    p_import_id uuid := (argument ->> 'import_id')::uuid;
    p_run integer := (argument ->> 'run')::integer;
    p_topic text := coalesce(argument -> 'after' ->> 0, '');
    p_stated timestamptz := coalesce((argument -> 'after' ->> 1)::timestamptz, '-infinity');
    p_fact uuid := coalesce((argument -> 'after' ->> 2)::uuid, '00000000-0000-0000-0000-000000000000');
    answer json;
BEGIN
    SELECT json_agg(t) INTO answer FROM (
        SELECT f.fact_id AS id, f.category, f.statement, f.quote, f.message_ids, f.conversation_id,
               f.stated_at, f.valid_from, f.valid_until, f.confidence, f.source_kind,
               f.topic, f.chunk_index, f.status, f.support, f.superseded_by, f.merged_into
        FROM facts f
        WHERE f.import_id = p_import_id AND f.run = p_run
          AND (f.topic, coalesce(f.stated_at, '-infinity'), f.fact_id) > (p_topic, p_stated, p_fact)
        ORDER BY f.topic, coalesce(f.stated_at, '-infinity'), f.fact_id
        LIMIT (argument ->> 'limit')::integer) t;
    RETURN coalesce(answer, '[]');
END
$$;

-- Writes what merging made of facts. An update says all of it: what it leaves out goes back to its default.
-- Answers how many facts changed.
CREATE FUNCTION public.settle_facts(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    changed integer;
BEGIN
    UPDATE facts f SET
            status = coalesce(u.status, 'current'), support = coalesce(u.support, 1),
            superseded_by = u.superseded_by, merged_into = u.merged_into
        FROM jsonb_to_recordset(argument -> 'updates') AS u(
            fact_id uuid, status text, support integer, superseded_by uuid, merged_into uuid)
        WHERE f.import_id = (argument ->> 'import_id')::uuid AND f.run = (argument ->> 'run')::integer
          AND f.fact_id = u.fact_id
          AND (f.status, f.support, f.superseded_by, f.merged_into)
              IS DISTINCT FROM (coalesce(u.status, 'current'), coalesce(u.support, 1), u.superseded_by, u.merged_into);
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN to_jsonb(changed);
END
$$;
