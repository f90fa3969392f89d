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

ALTER TABLE public.batch_chunks ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.batch_chunks FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.batch_chunks TO service_role;
CREATE POLICY services ON public.batch_chunks TO service_role USING (true) WITH CHECK (true);

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
           argument ->> 'prompt_version', (argument ->> 'size')::integer,
           (argument ->> 'begun_at')::timestamptz
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

REVOKE ALL ON FUNCTION
    public.open_batch(jsonb), public.read_batches(jsonb), public.close_batch_chunks(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.open_batch(jsonb), public.read_batches(jsonb), public.close_batch_chunks(jsonb)
TO service_role;
