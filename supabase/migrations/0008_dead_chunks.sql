-- The chunks of a run that no model could read, and why.

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

REVOKE ALL ON FUNCTION public.read_dead_chunks(jsonb) FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION public.read_dead_chunks(jsonb) TO service_role;
