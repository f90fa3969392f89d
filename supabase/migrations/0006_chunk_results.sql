-- Chunks of a run from before they are read until all are in and extraction is closed.

-- No foreign key here and in facts: record_chunks has locked the run it writes to, once for many rows.
CREATE TABLE public.chunk_results (
    import_id uuid NOT NULL,
    run integer NOT NULL,
    chunk_index integer NOT NULL CHECK (chunk_index >= 0),
    chunk_id uuid NOT NULL,
    user_id uuid NOT NULL,
    content_hash text NOT NULL,
    status text NOT NULL CHECK (status IN ('ok', 'dead')),
    cached boolean NOT NULL DEFAULT false,
    dropped jsonb,
    unread text[],
    usage jsonb,
    error text,
    account smallint NOT NULL DEFAULT 0,
    -- estimated, of what a model reads of it; 0: there is nothing to ask one for
    tokens integer NOT NULL DEFAULT 0,
    PRIMARY KEY (import_id, run, chunk_index)
);

ALTER TABLE public.chunk_results ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.chunk_results FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT ON public.chunk_results TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.chunk_results TO service_role;
CREATE POLICY own_rows ON public.chunk_results FOR SELECT TO authenticated
    USING (user_id = (SELECT auth.uid()));
CREATE POLICY services ON public.chunk_results TO service_role USING (true) WITH CHECK (true);

-- Before chunks are read: which are not wanted (reasons as record_chunks has them; whose chunk each is of: a
-- stranger may name the same import, run and index), and what the cache holds for the others. One probe of each
-- index a chunk: joined, the planner may read all of a user's cache and results instead, on every call, as it
-- does while the tables are new and not analysed.
CREATE FUNCTION public.look_up_chunks(argument jsonb) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    -- OFFSET 0 keeps each probe a probe.
    RETURN (
        WITH judged AS MATERIALIZED (
            SELECT a.*, CASE
                WHEN i.user_id IS DISTINCT FROM a.user_id THEN 'unknown'
                WHEN i.state = 'cancelled' THEN 'cancelled'
                WHEN EXISTS (SELECT FROM imports o
                             WHERE o.import_id = a.import_id AND o.run > a.run AND o.kind = i.kind) THEN 'older'
                WHEN r.status = 'ok' OR (r.status = 'dead' AND i.state NOT IN ('chunking', 'extracting'))
                    THEN 'repeated'
                WHEN i.state IN ('complete', 'failed') THEN 'finished'
            END AS refusal
            FROM jsonb_to_recordset(argument -> 'chunks') AS a(
                user_id uuid, import_id uuid, run integer, index integer, content_hash text)
            LEFT JOIN LATERAL (
                SELECT n.user_id, n.state, n.kind FROM imports n
                WHERE n.import_id = a.import_id AND n.run = a.run OFFSET 0) i ON true
            LEFT JOIN LATERAL (
                SELECT n.status FROM chunk_results n
                WHERE n.import_id = a.import_id AND n.run = a.run AND n.chunk_index = a.index
                OFFSET 0) r ON true
        )
        SELECT json_build_object(
            'refused', (
                SELECT coalesce(json_agg(json_build_object(
                    'user_id', user_id, 'import_id', import_id, 'run', run, 'index', index,
                    'reason', refusal)), '[]')
                FROM judged WHERE refusal IS NOT NULL),
            'known', (
                SELECT coalesce(json_agg(json_build_object(
                    'user_id', j.user_id, 'content_hash', j.content_hash, 'facts', c.facts,
                    'dropped', c.dropped, 'unread', c.unread, 'usage', c.usage)), '[]')
                FROM (SELECT DISTINCT user_id, content_hash COLLATE "C" AS content_hash
                      FROM judged WHERE refusal IS NULL) j
                CROSS JOIN LATERAL (
                    SELECT n.facts, n.dropped, n.unread, n.usage FROM extraction_cache n
                    WHERE n.user_id = j.user_id AND n.model = argument ->> 'model'
                      AND n.prompt_version = argument ->> 'prompt_version'
                      AND n.content_hash = j.content_hash OFFSET 0) c)));
END
$$;

-- Records results of chunks, of any runs, once each: {event: FactsExtracted, matters: one a fact}, all of one
-- model and prompt version, under which ok results that are not from the cache go into it. A chunk that died
-- may be mended by a later ok result until its run is claimed. Results of one chunk that come as two users'
-- stand each for itself: one in another's name must not take the place of the other's.
-- Answers how many were new, which were ignored and why, and which touched runs are complete now.
CREATE FUNCTION public.record_chunks(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    recorded integer;
    ignored jsonb;
    complete jsonb := '[]';
    touched record;
    counted imports;
    reader CONSTANT jsonb := jsonb_build_array(jsonb_build_object(
        'model', argument ->> 'model', 'prompt_version', argument ->> 'prompt_version'));
BEGIN
    -- One caller at a time per run, locked in one order: no deadlock, and the last one sees the run complete.
    FOR touched IN
        SELECT DISTINCT (e -> 'event' ->> 'import_id')::uuid AS import_id,
                        (e -> 'event' ->> 'run')::integer AS run
        FROM jsonb_array_elements(argument -> 'results') e ORDER BY import_id, run
    LOOP
        PERFORM FROM imports i WHERE i.import_id = touched.import_id AND i.run = touched.run FOR UPDATE;
    END LOOP;

    WITH incoming AS MATERIALIZED (
        SELECT DISTINCT ON (v.import_id, v.run, v.user_id, v.index)
               v.*, e -> 'matters' AS matters
        FROM jsonb_array_elements(argument -> 'results') WITH ORDINALITY AS x(e, n),
             jsonb_to_record(e -> 'event') AS v(
                 import_id uuid, user_id uuid, run integer, chunk_id uuid, index integer, content_hash text,
                 status text, facts jsonb, cached boolean, dropped jsonb, unread jsonb, usage jsonb,
                 error text, account smallint, tokens integer)
        ORDER BY v.import_id, v.run, v.user_id, v.index, (v.status = 'ok') DESC, n
    ), judged AS MATERIALIZED (
        SELECT n.*, r.status AS was, CASE
            WHEN i.user_id IS DISTINCT FROM n.user_id THEN 'unknown'
            WHEN i.state = 'cancelled' THEN 'cancelled'
            WHEN EXISTS (SELECT FROM imports o
                         WHERE o.import_id = n.import_id AND o.run > n.run AND o.kind = i.kind) THEN 'older'
            WHEN r.status IS NOT NULL AND NOT (
                r.status = 'dead' AND n.status = 'ok' AND i.state IN ('chunking', 'extracting'))
                THEN 'repeated'
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
                                   cached, dropped, unread, usage, error, account, tokens)
        SELECT import_id, run, index, chunk_id, user_id, content_hash, status, coalesce(cached, false),
               nullif(dropped, '{}'),
               CASE WHEN unread <> '[]' THEN ARRAY(SELECT jsonb_array_elements_text(unread)) END, usage, error,
               coalesce(account, 0), coalesce(tokens, 0)
        FROM fresh
        ON CONFLICT (import_id, run, chunk_index) DO UPDATE SET
            status = excluded.status, cached = excluded.cached, dropped = excluded.dropped,
            unread = excluded.unread, usage = excluded.usage, error = excluded.error,
            chunk_id = excluded.chunk_id, content_hash = excluded.content_hash, account = excluded.account,
            tokens = excluded.tokens
    ), facts_in AS (
        -- A fact met in several chunks of one account is the one of the latest chunk: a newer version of a conversation
        -- keeps what it repeats when the older version's facts are deleted.
        INSERT INTO facts AS f (import_id, run, fact_id, user_id, category, matter, statement, quote,
                                message_ids, conversation_id, stated_at, valid_from, valid_until,
                                confidence, source_kind, chunk_index, account)
        SELECT DISTINCT ON (n.import_id, n.run, t.id, coalesce(n.account, 0))
               n.import_id, n.run, t.id, n.user_id, t.category, coalesce(t.matter, ''), t.statement, t.quote,
               t.message_ids, t.conversation_id, t.stated_at, t.valid_from, t.valid_until,
               t.confidence, t.source_kind, n.index, coalesce(n.account, 0)
        FROM fresh n,
             ROWS FROM (
                 jsonb_to_recordset(n.facts) AS (
                     id uuid, category text, statement text, quote text, message_ids text[],
                     conversation_id text, stated_at timestamptz, valid_from date, valid_until date,
                     confidence double precision, source_kind text),
                 jsonb_array_elements_text(n.matters)
             ) WITH ORDINALITY AS t(id, category, statement, quote, message_ids, conversation_id, stated_at,
                                    valid_from, valid_until, confidence, source_kind, matter, n)
        WHERE t.id IS NOT NULL
        ORDER BY n.import_id, n.run, t.id, coalesce(n.account, 0), n.index DESC, t.n
        ON CONFLICT (import_id, run, fact_id, account) DO UPDATE SET
            matter = excluded.matter, quote = excluded.quote, message_ids = excluded.message_ids,
            conversation_id = excluded.conversation_id, stated_at = excluded.stated_at,
            valid_from = excluded.valid_from, valid_until = excluded.valid_until,
            confidence = excluded.confidence, source_kind = excluded.source_kind,
            chunk_index = excluded.chunk_index
        WHERE f.chunk_index < excluded.chunk_index
    ), cache_in AS (
        INSERT INTO extraction_cache (user_id, content_hash, model, prompt_version, facts, dropped, unread,
                                      usage)
        SELECT DISTINCT ON (user_id, content_hash COLLATE "C")
               user_id, content_hash, argument ->> 'model', argument ->> 'prompt_version', facts,
               coalesce(dropped, '{}'), coalesce(unread, '[]'), coalesce(usage, '{}')
        FROM fresh WHERE status = 'ok' AND NOT coalesce(cached, false)
        ORDER BY user_id, content_hash COLLATE "C", import_id, run, index  -- of equal chunks the first, whatever the plan
        ON CONFLICT DO NOTHING
    ), counted AS (
        UPDATE imports i SET
            chunks_ok = i.chunks_ok + c.ok, chunks_dead = i.chunks_dead + c.dead - c.mended,
            chunks_cached = i.chunks_cached + c.cached, facts_extracted = i.facts_extracted + c.facts,
            readers = CASE WHEN i.readers @> reader THEN i.readers ELSE i.readers || reader END,
            updated_at = now()
        FROM (
            SELECT import_id, run, count(*) FILTER (WHERE status = 'ok') AS ok,
                   count(*) FILTER (WHERE status = 'dead') AS dead, count(was) AS mended,
                   count(*) FILTER (WHERE fresh.cached) AS cached,
                   sum(jsonb_array_length(facts)) AS facts  -- for progress: close_extraction counts exactly
            FROM fresh GROUP BY import_id, run
        ) c
        WHERE i.import_id = c.import_id AND i.run = c.run
    )
    SELECT count(*) FILTER (WHERE refusal IS NULL),
           coalesce(jsonb_agg(jsonb_build_object('import_id', import_id, 'run', run, 'index', index,
                                                 'user_id', user_id, 'reason', refusal))
                    FILTER (WHERE refusal IS NOT NULL), '[]')
    INTO recorded, ignored FROM judged;

    FOR touched IN
        SELECT DISTINCT (e -> 'event' ->> 'import_id')::uuid AS import_id,
                        (e -> 'event' ->> 'run')::integer AS run
        FROM jsonb_array_elements(argument -> 'results') e ORDER BY import_id, run
    LOOP
        SELECT * INTO counted FROM imports i
            WHERE i.import_id = touched.import_id AND i.run = touched.run;
        CONTINUE WHEN NOT is_complete_run(counted);
        IF counted.state <> 'consolidating' THEN
            PERFORM close_extraction(touched.import_id, touched.run);
        END IF;
        complete := complete || jsonb_build_object('import_id', touched.import_id, 'run', touched.run);
    END LOOP;
    RETURN jsonb_build_object('recorded', recorded, 'ignored', ignored, 'complete', complete);
END
$$;

-- Which chunks of a run are in: [[first, last], ...], ascending.
CREATE FUNCTION public.recorded_chunks(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(json_build_array(first, last) ORDER BY first), '[]') FROM (
        SELECT min(chunk_index) AS first, max(chunk_index) AS last FROM (
            SELECT chunk_index, chunk_index - row_number() OVER (ORDER BY chunk_index) AS island
            FROM chunk_results
            WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer) r
        GROUP BY island) g
$$;

-- What these chunks of a run held, as far as they have a result: [[index, content_hash], ...], ascending.
CREATE FUNCTION public.chunk_hashes(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(json_build_array(c.chunk_index, c.content_hash) ORDER BY c.chunk_index), '[]')
    FROM chunk_results c
    WHERE c.import_id = (argument ->> 'import_id')::uuid AND c.run = (argument ->> 'run')::integer
      AND c.chunk_index = ANY (ARRAY(SELECT k::integer FROM jsonb_array_elements_text(argument -> 'indices') k))
      AND c.content_hash <> ''
$$;

-- {import_id, run, limit}: [{index, reason}], in order.
CREATE FUNCTION public.read_dead_chunks(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('index', d.chunk_index, 'reason', d.error)
                              ORDER BY d.chunk_index), '[]') FROM (
        SELECT chunk_index, error FROM chunk_results
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND status = 'dead'
        ORDER BY chunk_index LIMIT (argument ->> 'limit')::integer) d
$$;

-- Says how many chunks the run has and what its reading found. Answers whether all of them are in. Of what is
-- forgotten, conversations that a newer run has stay, and all of them of a shadow run. A reading that tells of no accounts is of one of which nothing
-- is known.
CREATE FUNCTION public.finish_chunking(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET statement_timeout = '450s' AS $$
DECLARE
    a record;
    i imports;
    forgotten text[];
    newer text[];
    resolved jsonb;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        import_id uuid, run integer, total integer, counts jsonb, sample jsonb, superseded jsonb,
        breaks jsonb, forgotten jsonb, accounts jsonb);
    SELECT * INTO i FROM imports WHERE import_id = a.import_id AND run = a.run FOR UPDATE;
    IF NOT FOUND THEN
        RETURN jsonb_build_object('complete', false, 'ignored', 'unknown');
    ELSIF i.state NOT IN ('chunking', 'extracting') THEN
        RETURN jsonb_build_object('complete', is_complete_run(i), 'ignored', i.state);
    END IF;
    DELETE FROM chunk_results WHERE import_id = a.import_id AND run = a.run AND chunk_index >= a.total;
    IF FOUND THEN
        DELETE FROM facts WHERE import_id = a.import_id AND run = a.run AND chunk_index >= a.total;
    END IF;
    forgotten := ARRAY(SELECT DISTINCT g FROM jsonb_array_elements_text(coalesce(a.forgotten, '[]')) g);
    IF i.kind <> 'shadow' THEN
        newer := take_conversations(i.user_id, i.requested_at, i.ordinal, forgotten, '{}');
        DELETE FROM conversation_chunks c
            USING unnest(forgotten) AS gone(conversation_id)
            WHERE c.user_id = i.user_id AND c.conversation_id COLLATE "C" = gone.conversation_id
              AND c.passage_index IS NOT NULL
              AND gone.conversation_id <> ALL (newer);
    END IF;
    resolved := resolve_accounts(i, coalesce(nullif(nullif(a.accounts, 'null'), '[]'), jsonb_build_array(
        jsonb_build_object(
            'vendor', '', 'history', '', 'conversations', a.counts -> 'conversations' -> 'kept',
            'messages', a.counts -> 'messages', 'skipped', a.counts -> 'conversations' -> 'skipped_count',
            'lost', 0, 'chunks', a.total, 'breaks', coalesce(a.breaks, '[]')))));
    IF resolved IS NULL THEN
        PERFORM fail_run(jsonb_build_object(
            'import_id', a.import_id, 'run', a.run, 'step', 'chunking',
            'error', 'the user has too many lineages; import under the name of one that there is',
            'at_fault', true));
        RETURN jsonb_build_object('complete', false, 'ignored', 'failed');
    END IF;
    UPDATE imports SET
            accounts = resolved, state = 'extracting', chunks_total = a.total, counts = coalesce(a.counts, '{}'),
            sample = coalesce(a.sample, '[]'), superseded = coalesce(a.superseded, '[]'),
            breaks = coalesce(a.breaks, '[]'), chunked_at = coalesce(chunked_at, now()), updated_at = now(),
            (chunks_ok, chunks_dead, chunks_cached) = (
                SELECT count(*) FILTER (WHERE status = 'ok'), count(*) FILTER (WHERE status = 'dead'),
                       count(*) FILTER (WHERE cached)
                FROM chunk_results r WHERE r.import_id = a.import_id AND r.run = a.run)
        WHERE import_id = a.import_id AND run = a.run RETURNING * INTO i;
    IF is_complete_run(i) THEN
        PERFORM close_extraction(a.import_id, a.run);
    END IF;
    PERFORM tell_profile(i);
    RETURN jsonb_build_object('complete', is_complete_run(i), 'ignored', NULL);
END
$$;

-- Closes extraction of a run whose chunks are all in: facts of superseded conversations go, the rest are
-- counted. An export may have thousands of versions of one conversation: the last of them voids all before.
CREATE FUNCTION public.close_extraction(p_import_id uuid, p_run integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM facts f
        USING (
            SELECT each.conversation_id, coalesce(each.account, 0) AS account, max(each.before_index) AS before_index
                FROM imports i, jsonb_to_recordset(i.superseded) AS each(
                    conversation_id text, before_index integer, account smallint)
                WHERE i.import_id = p_import_id AND i.run = p_run
                GROUP BY 1, 2) s
        WHERE f.import_id = p_import_id AND f.run = p_run
          AND f.conversation_id = s.conversation_id COLLATE "C" AND f.chunk_index < s.before_index
          AND f.account = s.account;
    UPDATE imports i SET
            facts_extracted = (
                SELECT count(*) FROM facts f WHERE f.import_id = p_import_id AND f.run = p_run),
            extracted_at = coalesce(i.extracted_at, now()), updated_at = now()
        WHERE i.import_id = p_import_id AND i.run = p_run;
END
$$;

REVOKE ALL ON FUNCTION
    public.look_up_chunks(jsonb), public.record_chunks(jsonb), public.recorded_chunks(jsonb),
    public.chunk_hashes(jsonb), public.read_dead_chunks(jsonb), public.finish_chunking(jsonb), public.close_extraction(uuid, integer)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.look_up_chunks(jsonb), public.record_chunks(jsonb), public.recorded_chunks(jsonb),
    public.chunk_hashes(jsonb), public.read_dead_chunks(jsonb), public.finish_chunking(jsonb), public.close_extraction(uuid, integer)
TO service_role;
