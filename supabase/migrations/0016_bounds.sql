-- What the database keeps and answers stays within what every reader of it can read (shared/domain/bounds.py).

-- A run's request time lies between 1970 and 9999, whoever writes it: read as UTC, or in any other zone, it is
-- a time in every language.
CREATE FUNCTION public.bound_request_time() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.requested_at := least(greatest(NEW.requested_at, '1970-01-01 00:00:00+00'), '9998-12-31 00:00:00+00');
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION public.bound_request_time() FROM PUBLIC, anon, authenticated;

CREATE TRIGGER bound_request_time BEFORE INSERT OR UPDATE OF requested_at ON public.imports
    FOR EACH ROW EXECUTE FUNCTION public.bound_request_time();
UPDATE public.imports SET requested_at = requested_at
    WHERE requested_at NOT BETWEEN '1970-01-01 00:00:00+00' AND '9998-12-31 00:00:00+00';

-- Sums end where a number is no whole number in JSON any more, and costs at a thousand million dollars: of
-- what no model spends, a report may say less, but it must not fail for all users.
CREATE OR REPLACE VIEW public.run_usage WITH (security_invoker = true) AS
SELECT i.user_id, i.import_id, i.run, i.pipeline, i.state, i.begun_at,
       u.calls, u.input_tokens, u.output_tokens, u.cache_read_tokens, u.cache_write_tokens, u.unanswered,
       u.cost
FROM public.imports i
CROSS JOIN LATERAL (
    SELECT least(coalesce(sum((p.usage ->> 'calls')::bigint), 0), 9007199254740991)::bigint AS calls,
           least(coalesce(sum((p.usage ->> 'input_tokens')::bigint), 0), 9007199254740991)::bigint AS input_tokens,
           least(coalesce(sum((p.usage ->> 'output_tokens')::bigint), 0), 9007199254740991)::bigint AS output_tokens,
           least(coalesce(sum((p.usage ->> 'cache_read_tokens')::bigint), 0), 9007199254740991)::bigint AS cache_read_tokens,
           least(coalesce(sum((p.usage ->> 'cache_write_tokens')::bigint), 0), 9007199254740991)::bigint AS cache_write_tokens,
           least(coalesce(sum((p.usage ->> 'unanswered')::bigint), 0), 9007199254740991)::bigint AS unanswered,
           CASE WHEN bool_or(p.usage ->> 'cost' IS NULL) THEN NULL
                ELSE least(coalesce(sum((p.usage ->> 'cost')::numeric), 0), 1e9) END AS cost
    FROM (
        SELECT i.usage WHERE i.usage <> '{}'
        UNION ALL
        SELECT r.usage FROM public.chunk_results r
        WHERE i.usage = '{}' AND r.import_id = i.import_id AND r.run = i.run AND r.usage IS NOT NULL) p) u;

CREATE OR REPLACE VIEW public.user_usage WITH (security_invoker = true) AS
SELECT user_id, count(*) AS runs,
       least(sum(calls), 9007199254740991)::bigint AS calls,
       least(sum(input_tokens), 9007199254740991)::bigint AS input_tokens,
       least(sum(output_tokens), 9007199254740991)::bigint AS output_tokens,
       least(sum(cache_read_tokens), 9007199254740991)::bigint AS cache_read_tokens,
       least(sum(cache_write_tokens), 9007199254740991)::bigint AS cache_write_tokens,
       least(sum(unanswered), 9007199254740991)::bigint AS unanswered,
       CASE WHEN bool_or(cost IS NULL) THEN NULL ELSE least(sum(cost), 1e9) END AS cost
FROM public.run_usage GROUP BY user_id;

-- Everything a report says of a run; null if there is no such run.
CREATE OR REPLACE FUNCTION public.read_run(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT to_jsonb(i) - ARRAY['sample', 'superseded', 'ordinal', 'usage'] || jsonb_build_object(
        'unread_conversations', (
            SELECT count(DISTINCT u) FROM chunk_results r, unnest(r.unread) u
            WHERE r.import_id = i.import_id AND r.run = i.run),
        'dropped', (
            SELECT coalesce(jsonb_object_agg(d.reason, d.total), '{}') FROM (
                SELECT e.key AS reason, least(sum(e.value::bigint), 9007199254740991)::bigint AS total
                FROM chunk_results r, jsonb_each_text(r.dropped) e
                WHERE r.import_id = i.import_id AND r.run = i.run GROUP BY e.key) d),
        'extraction_usage', (
            SELECT jsonb_build_object(
                'calls',
                least(coalesce(sum((r.usage ->> 'calls')::bigint), 0), 9007199254740991)::bigint,
                'input_tokens',
                least(coalesce(sum((r.usage ->> 'input_tokens')::bigint), 0), 9007199254740991)::bigint,
                'output_tokens',
                least(coalesce(sum((r.usage ->> 'output_tokens')::bigint), 0), 9007199254740991)::bigint,
                'cache_read_tokens',
                least(coalesce(sum((r.usage ->> 'cache_read_tokens')::bigint), 0), 9007199254740991)::bigint,
                'cache_write_tokens',
                least(coalesce(sum((r.usage ->> 'cache_write_tokens')::bigint), 0), 9007199254740991)::bigint,
                'unanswered',
                least(coalesce(sum((r.usage ->> 'unanswered')::bigint), 0), 9007199254740991)::bigint,
                'cost', CASE WHEN bool_or(r.usage ->> 'cost' IS NULL) THEN NULL
                             ELSE least(coalesce(sum((r.usage ->> 'cost')::numeric), 0), 1e9) END)
            FROM chunk_results r
            WHERE r.import_id = i.import_id AND r.run = i.run AND r.usage IS NOT NULL),
        'committed_usage', nullif(i.usage, '{}'))
    FROM imports i
    WHERE i.import_id = (argument ->> 'import_id')::uuid AND i.run = (argument ->> 'run')::integer
$$;

-- As before, but results of one chunk that come as two users' stand each for itself: one in another's name
-- must not take the place of the other's.
-- Records results of chunks, of any runs, once each: {event: FactsExtracted, matters: one a fact}, all of one
-- model and prompt version, under which ok results that are not from the cache go into it. A chunk that died
-- may be mended by a later ok result until its run is claimed.
-- Answers how many were new, which were ignored and why, and which touched runs are complete now.
CREATE OR REPLACE FUNCTION public.record_chunks(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    recorded integer;
    ignored jsonb;
    complete jsonb := '[]';
    touched record;
    counted imports;
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
                 error text)
        ORDER BY v.import_id, v.run, v.user_id, v.index, (v.status = 'ok') DESC, n
    ), judged AS MATERIALIZED (
        SELECT n.*, r.status AS was, CASE
            WHEN i.user_id IS DISTINCT FROM n.user_id THEN 'unknown'
            WHEN i.state = 'cancelled' THEN 'cancelled'
            WHEN EXISTS (SELECT FROM imports o WHERE o.import_id = n.import_id AND o.run > n.run) THEN 'older'
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
        INSERT INTO facts AS f (import_id, run, fact_id, user_id, category, matter, statement, quote,
                                message_ids, conversation_id, stated_at, valid_from, valid_until,
                                confidence, source_kind, chunk_index)
        SELECT DISTINCT ON (n.import_id, n.run, t.id)
               n.import_id, n.run, t.id, n.user_id, t.category, coalesce(t.matter, ''), t.statement, t.quote,
               t.message_ids, t.conversation_id, t.stated_at, t.valid_from, t.valid_until,
               t.confidence, t.source_kind, n.index
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
        ORDER BY n.import_id, n.run, t.id, n.index DESC, t.n
        ON CONFLICT (import_id, run, fact_id) DO UPDATE SET
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
        ORDER BY user_id, content_hash COLLATE "C"
        ON CONFLICT DO NOTHING
    ), counted AS (
        UPDATE imports i SET
            chunks_ok = i.chunks_ok + c.ok, chunks_dead = i.chunks_dead + c.dead - c.mended,
            chunks_cached = i.chunks_cached + c.cached, facts_extracted = i.facts_extracted + c.facts,
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
