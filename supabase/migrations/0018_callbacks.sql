-- What the app is told of an import: a row is one call, of which each is an e-mail. It is marked before it is made;
-- so one whose process dies then is never made again, and its outcome is not known.
--   due       to be made, not before due_at
--   marked    being made, or its process died
--   sent      the app has acted
--   refused   the app has not, and will not
--   given_up  the app has not, after all attempts
--   unknown   the app may have acted
CREATE TABLE public.callbacks (
    import_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('quick', 'complete')),
    user_id uuid NOT NULL,
    state text NOT NULL DEFAULT 'due'
        CHECK (state IN ('due', 'marked', 'sent', 'refused', 'given_up', 'unknown')),
    seconds double precision NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    token uuid UNIQUE,
    due_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (import_id, kind)
);
CREATE INDEX callbacks_due ON public.callbacks (due_at) WHERE state = 'due';

ALTER TABLE public.callbacks ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.callbacks FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.callbacks TO service_role;
CREATE POLICY services ON public.callbacks TO service_role USING (true) WITH CHECK (true);

-- Has the app told of an import, in the transaction of what it is told of: once for each kind, whatever the run.
CREATE FUNCTION public.owe_callback(i public.imports, kind text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO callbacks (import_id, kind, user_id, seconds)
    VALUES (i.import_id, owe_callback.kind, i.user_id,
            greatest(extract(epoch FROM now() - i.begun_at), 0)::double precision)
    ON CONFLICT DO NOTHING
$$;

-- Marks the call that is due first, of one import or any, and answers it; null if none is due. The same token is
-- answered the same call until that is settled: so an answer that was lost may be asked for again.
CREATE FUNCTION public.take_callback(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    c callbacks;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    PERFORM pg_advisory_xact_lock(hashtextextended(argument ->> 'token', 0));
    SELECT * INTO c FROM callbacks o
        WHERE o.token = (argument ->> 'token')::uuid AND o.state = 'marked';
    IF NOT FOUND THEN
        UPDATE callbacks o SET
                state = 'marked', token = (argument ->> 'token')::uuid, attempts = o.attempts + 1,
                updated_at = now()
            WHERE (o.import_id, o.kind) = (
                SELECT d.import_id, d.kind FROM callbacks d
                WHERE d.state = 'due' AND d.due_at <= now()
                  AND (nullif(argument -> 'import_id', 'null') IS NULL
                       OR d.import_id = (argument ->> 'import_id')::uuid)
                ORDER BY d.due_at, d.import_id LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING * INTO c;
    END IF;
    RETURN CASE WHEN c.import_id IS NOT NULL THEN jsonb_build_object(
        'import_id', c.import_id, 'kind', c.kind, 'user_id', c.user_id, 'attempt', c.attempts,
        'seconds', c.seconds) END;
END
$$;

-- Notes what became of the call that was marked with this token: its new state, and of one that is due again
-- after how many seconds. False if it is not marked any more.
CREATE FUNCTION public.settle_callback(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE callbacks SET
            state = argument ->> 'state', token = NULL, updated_at = now(),
            due_at = now() + make_interval(secs => coalesce((argument ->> 'again_in')::double precision, 0))
        WHERE token = (argument ->> 'token')::uuid AND state = 'marked';
    RETURN to_jsonb(FOUND);
END
$$;

REVOKE ALL ON FUNCTION
    public.owe_callback(public.imports, text), public.take_callback(jsonb), public.settle_callback(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.owe_callback(public.imports, text), public.take_callback(jsonb), public.settle_callback(jsonb)
TO service_role;
