-- What each run cost: as committed, else what its chunks cost until now. `unanswered` are calls whose reply
-- never came: what they cost is not known. A cost is null where a price is. Sums end where a number is no whole
-- number in JSON any more, and costs at a thousand million dollars: of what no model spends, a report may say
-- less, but it must not fail for all users.
CREATE VIEW public.run_usage WITH (security_invoker = true) AS
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
        WHERE i.usage = '{}' AND r.import_id = i.import_id AND r.run = i.run AND r.usage IS NOT NULL
        UNION ALL
        SELECT i.spent_before WHERE i.usage = '{}' AND i.spent_before <> '{}') p) u;

-- The same by user, over all runs: also those that failed or were replayed, since they are paid for.
CREATE VIEW public.user_usage WITH (security_invoker = true) AS
SELECT user_id, count(*) AS runs,
       least(sum(calls), 9007199254740991)::bigint AS calls,
       least(sum(input_tokens), 9007199254740991)::bigint AS input_tokens,
       least(sum(output_tokens), 9007199254740991)::bigint AS output_tokens,
       least(sum(cache_read_tokens), 9007199254740991)::bigint AS cache_read_tokens,
       least(sum(cache_write_tokens), 9007199254740991)::bigint AS cache_write_tokens,
       least(sum(unanswered), 9007199254740991)::bigint AS unanswered,
       CASE WHEN bool_or(cost IS NULL) THEN NULL ELSE least(sum(cost), 1e9) END AS cost
FROM public.run_usage GROUP BY user_id;

REVOKE ALL ON public.run_usage, public.user_usage FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT ON public.run_usage, public.user_usage TO authenticated, service_role;

-- {user_id?, limit}: what users cost, the dearest first; one user's runs are in run_usage.
CREATE FUNCTION public.read_usage(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp SET statement_timeout = '450s' AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT * FROM user_usage
        WHERE nullif(argument -> 'user_id', 'null') IS NULL OR user_id = (argument ->> 'user_id')::uuid
        ORDER BY cost DESC NULLS FIRST, calls DESC, user_id LIMIT (argument ->> 'limit')::integer) t
$$;

REVOKE ALL ON FUNCTION public.read_usage(jsonb) FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION public.read_usage(jsonb) TO service_role;
