-- Runs that do not move, found and driven again.

-- Runs of a pipeline that do not move (of one import, where one process runs it), with what to do about each: consolidate (complete, unclaimed),
-- publish (a memory that nobody commits), import (its event again: chunks are missing). All but the first
-- wait for stall_seconds without a change, twice as long after each time that changed nothing, 64 times at
-- most. A run to consolidate is offered at each sweep, and counts as driven again, in `redrives` and in the
-- answer's `driven`, only when it has waited as long as the others. `begun`: without runs that still wait for their
-- event.
CREATE FUNCTION public.find_stalled(argument jsonb) RETURNS json
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    stall double precision := (argument ->> 'stall_seconds')::double precision;
    sole uuid := (argument ->> 'import_id')::uuid;
    answer json;
BEGIN
    DELETE FROM memory_outbox o USING imports i
        WHERE i.import_id = o.import_id AND i.run = o.run
          AND i.state IN ('complete', 'failed', 'cancelled');
    WITH judged AS (
        SELECT i.import_id, i.run, i.chunks_ok + i.chunks_dead AS done, i.updated_at, i.redriven_at,
               CASE WHEN i.redriven_done = i.chunks_ok + i.chunks_dead THEN i.redrives ELSE 0 END AS redrives,
               CASE WHEN is_complete_run(i) THEN 'consolidate'
                    WHEN i.published_at IS NOT NULL THEN 'publish'
                    ELSE 'import' END AS action
        FROM imports i
        WHERE i.state NOT IN ('complete', 'failed', 'cancelled')
          AND i.pipeline = argument ->> 'pipeline'
          AND NOT (i.state = 'received' AND coalesce((argument ->> 'begun')::boolean, false))
          AND CASE WHEN sole IS NULL THEN i.on_log ELSE i.import_id = sole AND NOT i.on_log END
          AND (i.lease_until IS NULL OR i.lease_until < clock_timestamp()
               OR i.lease_owner = argument ->> 'owner')
          AND NOT EXISTS (SELECT FROM imports o  -- OFFSET 0 keeps it a probe
                          WHERE o.import_id = i.import_id AND o.run > i.run AND o.kind = i.kind OFFSET 0)
    ), timed AS (
        -- Only a run to consolidate keeps its updated_at when it is driven: greatest() makes it wait too.
        SELECT *, greatest(updated_at, redriven_at)
                  < now() - make_interval(secs => stall * 2 ^ least(redrives, 6)) AS stood_still
        FROM judged
    ), due AS (
        SELECT * FROM timed WHERE action = 'consolidate' OR stood_still
        ORDER BY updated_at LIMIT (argument ->> 'limit')::integer
    ), held AS MATERIALIZED (  -- in the order of record_chunks
        SELECT i.import_id, i.run FROM imports i JOIN due d ON d.import_id = i.import_id AND d.run = i.run
        ORDER BY i.import_id, i.run FOR UPDATE OF i
    ), driven AS (
        UPDATE imports i SET
                redrives = CASE WHEN d.stood_still THEN d.redrives + 1 ELSE i.redrives END,
                redriven_at = CASE WHEN d.stood_still THEN now() ELSE i.redriven_at END,
                redriven_done = CASE WHEN d.stood_still THEN d.done ELSE i.redriven_done END,
                updated_at = CASE WHEN d.action = 'consolidate' THEN i.updated_at ELSE now() END
        FROM held h JOIN due d ON d.import_id = h.import_id AND d.run = h.run
        WHERE i.import_id = h.import_id AND i.run = h.run
        RETURNING i.import_id, i.run, i.user_id, i.source, i.requested_at, i.lineage, i.kind, i.parent_id,
                  i.priority, i.redrives, d.action, d.stood_still
    )
    SELECT json_agg(json_build_object(
        'import_id', import_id, 'run', run, 'user_id', user_id, 'source', source,
        'requested_at', requested_at, 'lineage', lineage, 'kind', kind, 'parent_id', parent_id, 'priority', priority,
        'action', action, 'redrives', redrives, 'driven', stood_still)) INTO answer FROM driven;
    RETURN coalesce(answer, '[]');
END
$$;

REVOKE ALL ON FUNCTION public.find_stalled(jsonb) FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION public.find_stalled(jsonb) TO service_role;
