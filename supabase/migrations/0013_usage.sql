-- What each run cost: as committed, else what its chunks cost until now. `unanswered` are calls whose reply
-- never came: what they cost is not known. A cost is null where a price is.
CREATE VIEW public.run_usage WITH (security_invoker = true) AS
SELECT i.user_id, i.import_id, i.run, i.pipeline, i.state, i.begun_at,
       u.calls, u.input_tokens, u.output_tokens, u.cache_read_tokens, u.cache_write_tokens, u.unanswered,
       u.cost
FROM public.imports i
CROSS JOIN LATERAL (
    SELECT coalesce(sum((p.usage ->> 'calls')::bigint), 0)::bigint AS calls,
           coalesce(sum((p.usage ->> 'input_tokens')::bigint), 0)::bigint AS input_tokens,
           coalesce(sum((p.usage ->> 'output_tokens')::bigint), 0)::bigint AS output_tokens,
           coalesce(sum((p.usage ->> 'cache_read_tokens')::bigint), 0)::bigint AS cache_read_tokens,
           coalesce(sum((p.usage ->> 'cache_write_tokens')::bigint), 0)::bigint AS cache_write_tokens,
           coalesce(sum((p.usage ->> 'unanswered')::bigint), 0)::bigint AS unanswered,
           CASE WHEN bool_or(p.usage ->> 'cost' IS NULL) THEN NULL
                ELSE coalesce(sum((p.usage ->> 'cost')::numeric), 0) END AS cost
    FROM (
        SELECT i.usage WHERE i.usage <> '{}'
        UNION ALL
        SELECT r.usage FROM public.chunk_results r
        WHERE i.usage = '{}' AND r.import_id = i.import_id AND r.run = i.run AND r.usage IS NOT NULL) p) u;

-- The same by user, over all runs: also those that failed or were replayed, since they are paid for.
CREATE VIEW public.user_usage WITH (security_invoker = true) AS
SELECT user_id, count(*) AS runs, sum(calls)::bigint AS calls, sum(input_tokens)::bigint AS input_tokens,
       sum(output_tokens)::bigint AS output_tokens, sum(cache_read_tokens)::bigint AS cache_read_tokens,
       sum(cache_write_tokens)::bigint AS cache_write_tokens, sum(unanswered)::bigint AS unanswered,
       CASE WHEN bool_or(cost IS NULL) THEN NULL ELSE sum(cost) END AS cost
FROM public.run_usage GROUP BY user_id;

REVOKE ALL ON public.run_usage, public.user_usage FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT ON public.run_usage, public.user_usage TO authenticated, service_role;

-- {user_id?, limit}: what users cost, the dearest first; one user's runs are in run_usage.
CREATE FUNCTION public.read_usage(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT * FROM user_usage
        WHERE nullif(argument -> 'user_id', 'null') IS NULL OR user_id = (argument ->> 'user_id')::uuid
        ORDER BY cost DESC NULLS FIRST, calls DESC, user_id LIMIT (argument ->> 'limit')::integer) t
$$;

REVOKE ALL ON FUNCTION public.read_usage(jsonb) FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION public.read_usage(jsonb) TO service_role;
