-- What is told of runs: to the services that drive them, to `status` and to reports.

-- The state of a run and how many of its chunks are in; null if there is no such run.
CREATE FUNCTION public.watch_run(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT jsonb_build_object('state', state, 'done', chunks_ok + chunks_dead) FROM imports
    WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
$$;

-- Runs as `status` shows them, newest first: of one import, or all. `breaks` counts the places where the
-- export breaks.
CREATE FUNCTION public.list_runs(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT i.import_id, i.run, i.user_id, i.pipeline, i.kind, i.parent_id, i.source, told_state(i) AS state, i.unserved,
               i.progress_percent, i.stage, i.reading, i.chunks_total, i.chunks_ok, i.chunks_dead,
               i.facts_extracted, i.coverage, jsonb_array_length(i.breaks) AS breaks, i.cost, i.error,
               own_lineages(i) AS lineages, i.redrives, i.on_log, i.requested_at, i.begun_at, i.finished_at, i.updated_at
        FROM (  -- each by its own index: for an OR the runs of all imports were read for one
            SELECT * FROM imports n WHERE n.import_id = (argument ->> 'import_id')::uuid
            UNION ALL
            (SELECT * FROM imports n WHERE argument ->> 'import_id' IS NULL
             ORDER BY n.ordinal DESC LIMIT (argument ->> 'limit')::integer)) i
        ORDER BY i.ordinal DESC LIMIT (argument ->> 'limit')::integer) t
$$;

-- What a run has cost without its memory: its chunks, and what it had cost otherwise when it was opened again.
CREATE FUNCTION public.extraction_usage(i public.imports) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
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
    FROM (
        SELECT c.usage FROM chunk_results c
        WHERE c.import_id = i.import_id AND c.run = i.run AND c.usage IS NOT NULL
        UNION ALL
        SELECT i.spent_before WHERE i.spent_before <> '{}') r
$$;

-- Everything a report says of a run, and which run is served to its user now; null if there is no such run.
CREATE FUNCTION public.read_run(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT to_jsonb(i) - ARRAY['sample', 'superseded', 'ordinal', 'usage', 'reopened_from', 'spent_before'] || jsonb_build_object(
        'state', told_state(i),
        'served', (
            SELECT jsonb_build_array(s.import_id, s.run) FROM served_memories s
            WHERE s.user_id = i.user_id AND s.import_id IS NOT NULL),
        'unread_conversations', (
            SELECT count(DISTINCT u) FROM chunk_results r, unnest(r.unread) u
            WHERE r.import_id = i.import_id AND r.run = i.run),
        'dropped', (
            SELECT coalesce(jsonb_object_agg(d.reason, d.total), '{}') FROM (
                SELECT e.key AS reason, least(sum(e.value::bigint), 9007199254740991)::bigint AS total
                FROM chunk_results r, jsonb_each_text(r.dropped) e
                WHERE r.import_id = i.import_id AND r.run = i.run GROUP BY e.key) d),
        'extraction_usage', extraction_usage(i),
        'committed_usage', nullif(i.usage, '{}'))
    FROM imports i
    WHERE i.import_id = (argument ->> 'import_id')::uuid AND i.run = (argument ->> 'run')::integer
$$;

-- The sample of the richest conversations, as finish_chunking was given it; null if there is no such run.
CREATE FUNCTION public.read_sample(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT sample FROM imports
    WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
$$;

REVOKE ALL ON FUNCTION
    public.extraction_usage(public.imports), public.watch_run(jsonb), public.list_runs(jsonb), public.read_run(jsonb), public.read_sample(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.extraction_usage(public.imports), public.watch_run(jsonb), public.list_runs(jsonb), public.read_run(jsonb), public.read_sample(jsonb)
TO service_role;
