-- As before, but a refusal says whose chunk it is of: a stranger may name the same import, run and index.
-- Before chunks are read: which are not wanted (reasons as record_chunks has them), and what the cache holds
-- for the others. One probe of each index a chunk: joined, the planner may read all of a user's cache and
-- results instead, on every call, as it does while the tables are new and not analysed.
CREATE OR REPLACE FUNCTION public.look_up_chunks(argument jsonb) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    -- OFFSET 0 keeps each probe a probe.
    RETURN (
        WITH judged AS MATERIALIZED (
            SELECT a.*, CASE
                WHEN i.user_id IS DISTINCT FROM a.user_id THEN 'unknown'
                WHEN i.state = 'cancelled' THEN 'cancelled'
                WHEN EXISTS (SELECT FROM imports o WHERE o.import_id = a.import_id AND o.run > a.run)
                    THEN 'older'
                WHEN r.status = 'ok' OR (r.status = 'dead' AND i.state NOT IN ('chunking', 'extracting'))
                    THEN 'repeated'
                WHEN i.state IN ('complete', 'failed') THEN 'finished'
            END AS refusal
            FROM jsonb_to_recordset(argument -> 'chunks') AS a(
                user_id uuid, import_id uuid, run integer, index integer, content_hash text)
            LEFT JOIN LATERAL (
                SELECT n.user_id, n.state FROM imports n
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
