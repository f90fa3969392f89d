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
