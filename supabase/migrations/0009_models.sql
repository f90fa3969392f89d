-- Models at work: what they cost each user, what holds the services up, and which batches are open.

-- What each run cost: as committed, else what its chunks cost until now. `unanswered` are calls whose reply
-- never came: what they cost is not known. A cost is null where a price is.
CREATE VIEW public.run_usage WITH (security_invoker = true) AS
SELECT i.user_id, i.import_id, i.run, i.pipeline, i.state, i.begun_at,
       u.calls, u.input_tokens, u.output_tokens, u.cache_read_tokens, u.cache_write_tokens, u.unanswered, u.cost
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

REVOKE ALL ON public.run_usage, public.user_usage FROM PUBLIC, anon, authenticated;
GRANT SELECT ON public.run_usage, public.user_usage TO authenticated, service_role;

-- {user_id?, limit}: what users cost, the dearest first; one user's runs are in run_usage.
CREATE FUNCTION public.read_usage(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT * FROM user_usage
        WHERE nullif(argument -> 'user_id', 'null') IS NULL OR user_id = (argument ->> 'user_id')::uuid
        ORDER BY cost DESC NULLS FIRST, calls DESC, user_id LIMIT (argument ->> 'limit')::integer) t
$$;

-- As before, with the calls whose reply never came.
CREATE OR REPLACE FUNCTION public.read_run(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT to_jsonb(i) - ARRAY['sample', 'superseded', 'ordinal', 'usage'] || jsonb_build_object(
        'unread_conversations', (
            SELECT count(DISTINCT u) FROM chunk_results r, unnest(r.unread) u
            WHERE r.import_id = i.import_id AND r.run = i.run),
        'dropped', (
            SELECT coalesce(jsonb_object_agg(d.reason, d.total), '{}') FROM (
                SELECT e.key AS reason, sum(e.value::integer) AS total
                FROM chunk_results r, jsonb_each_text(r.dropped) e
                WHERE r.import_id = i.import_id AND r.run = i.run GROUP BY e.key) d),
        'extraction_usage', (
            SELECT jsonb_build_object(
                'calls', coalesce(sum((r.usage ->> 'calls')::bigint), 0),
                'input_tokens', coalesce(sum((r.usage ->> 'input_tokens')::bigint), 0),
                'output_tokens', coalesce(sum((r.usage ->> 'output_tokens')::bigint), 0),
                'cache_read_tokens', coalesce(sum((r.usage ->> 'cache_read_tokens')::bigint), 0),
                'cache_write_tokens', coalesce(sum((r.usage ->> 'cache_write_tokens')::bigint), 0),
                'unanswered', coalesce(sum((r.usage ->> 'unanswered')::bigint), 0),
                'cost', CASE WHEN bool_or(r.usage ->> 'cost' IS NULL) THEN NULL
                             ELSE coalesce(sum((r.usage ->> 'cost')::numeric), 0) END)
            FROM chunk_results r
            WHERE r.import_id = i.import_id AND r.run = i.run AND r.usage IS NOT NULL),
        'committed_usage', nullif(i.usage, '{}'))
    FROM imports i
    WHERE i.import_id = (argument ->> 'import_id')::uuid AND i.run = (argument ->> 'run')::integer
$$;

-- Why a process holds a service up, for as long as the process says so again and again.
CREATE TABLE public.service_holds (
    owner text NOT NULL,
    service text NOT NULL,
    hold text NOT NULL,
    reason text NOT NULL,
    since timestamptz NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner, service, hold)
);

-- A chunk in a message batch that was sent, or is being sent, and whose result is not stored. `batch_id` of
-- one that is being sent is our own.
CREATE TABLE public.batch_chunks (
    provider text NOT NULL,
    batch_id text NOT NULL,
    content_hash text COLLATE "C" NOT NULL,
    model text NOT NULL,
    prompt_version text NOT NULL,
    size integer NOT NULL,
    begun_at timestamptz NOT NULL,
    PRIMARY KEY (provider, content_hash, batch_id)
);
CREATE INDEX batch_chunks_of ON public.batch_chunks (provider, batch_id);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['service_holds', 'batch_chunks'] LOOP
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('REVOKE ALL ON public.%I FROM PUBLIC, anon, authenticated', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON public.%I TO service_role', name);
        EXECUTE format('CREATE POLICY services ON public.%I TO service_role '
                       'USING (true) WITH CHECK (true)', name);
    END LOOP;
END
$$;

-- {owner, holds: [{service, hold, reason, since}]}: all that holds this owner's services up now.
CREATE FUNCTION public.note_holds(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM service_holds s
    WHERE s.seen_at < now() - interval '1 day'
       OR s.owner = argument ->> 'owner' AND NOT EXISTS (
           SELECT FROM jsonb_to_recordset(argument -> 'holds') AS h(service text, hold text)
           WHERE h.service = s.service AND h.hold = s.hold);
    INSERT INTO service_holds (owner, service, hold, reason, since)
    SELECT argument ->> 'owner', h.service, h.hold, h.reason, h.since
        FROM jsonb_to_recordset(argument -> 'holds')
            AS h(service text, hold text, reason text, since timestamptz)
    ON CONFLICT (owner, service, hold) DO UPDATE SET
        reason = excluded.reason, since = excluded.since, seen_at = now();
    RETURN to_jsonb(true);
END
$$;

-- {seconds}: what was said within so many seconds, by service: [{service, hold, reason, since, replicas}].
CREATE FUNCTION public.read_holds(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT service, hold, reason, min(since) AS since, count(*) AS replicas FROM service_holds
        WHERE seen_at > now() - make_interval(secs => (argument ->> 'seconds')::double precision)
        GROUP BY service, hold, reason ORDER BY service, hold, reason) t
$$;

-- {provider, batch_id, instead_of?, model, prompt_version, size, begun_at, hashes}: remembers a batch,
-- instead of the one that was being sent. Forgets what no provider keeps any more.
CREATE FUNCTION public.open_batch(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM batch_chunks WHERE begun_at < now() - interval '29 days';
    DELETE FROM batch_chunks
    WHERE provider = argument ->> 'provider' AND batch_id = argument ->> 'instead_of';
    INSERT INTO batch_chunks (provider, batch_id, content_hash, model, prompt_version, size, begun_at)
    SELECT argument ->> 'provider', argument ->> 'batch_id', h, argument ->> 'model',
           argument ->> 'prompt_version', (argument ->> 'size')::integer, (argument ->> 'begun_at')::timestamptz
        FROM jsonb_array_elements_text(argument -> 'hashes') h
    ON CONFLICT DO NOTHING;
    RETURN to_jsonb(true);
END
$$;

-- {provider, model, prompt_version, hashes}: the batches that hold any of these chunks, with those of them.
CREATE FUNCTION public.read_batches(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT b.batch_id, b.model, b.prompt_version, b.size, b.begun_at, json_agg(b.content_hash) AS hashes
        FROM batch_chunks b
        WHERE b.provider = argument ->> 'provider' AND b.model = argument ->> 'model'
          AND b.prompt_version = argument ->> 'prompt_version'
          AND b.content_hash IN (SELECT jsonb_array_elements_text(argument -> 'hashes'))
        GROUP BY b.batch_id, b.model, b.prompt_version, b.size, b.begun_at ORDER BY b.begun_at, b.batch_id) t
$$;

-- {provider, hashes} or {provider, batch_id}: the results of these chunks are stored, or the batch is void.
CREATE FUNCTION public.close_batch_chunks(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM batch_chunks b
    WHERE b.provider = argument ->> 'provider' AND (
        b.batch_id = argument ->> 'batch_id'
        OR b.content_hash IN (SELECT jsonb_array_elements_text(argument -> 'hashes')));
    RETURN to_jsonb(true);
END
$$;

DO $$
DECLARE
    f regprocedure;
BEGIN
    FOR f IN
        SELECT p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f'
          AND p.proname IN (
            'read_usage', 'note_holds', 'read_holds', 'open_batch', 'read_batches', 'close_batch_chunks')
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC, anon, authenticated', f);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO service_role', f);
    END LOOP;
END
$$;
