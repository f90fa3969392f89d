-- Who leads, by name of the task.
CREATE TABLE public.leases (
    name text PRIMARY KEY,
    owner text NOT NULL,
    until timestamptz NOT NULL
);

ALTER TABLE public.leases ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.leases FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.leases TO service_role;
CREATE POLICY services ON public.leases TO service_role USING (true) WITH CHECK (true);

-- Takes or prolongs a lease by name; false while it is another's.
CREATE FUNCTION public.take_lease(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO leases AS l (name, owner, until)
    VALUES (argument ->> 'name', argument ->> 'owner',
            clock_timestamp() + make_interval(secs => (argument ->> 'seconds')::double precision))
    ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
        WHERE l.owner = excluded.owner OR l.until < clock_timestamp();
    RETURN to_jsonb(FOUND);
END
$$;

-- Gives a lease back; false if it was not the owner's.
CREATE FUNCTION public.release_lease(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM leases WHERE name = argument ->> 'name' AND owner = argument ->> 'owner';
    RETURN to_jsonb(FOUND);
END
$$;

REVOKE ALL ON FUNCTION
    public.take_lease(jsonb), public.release_lease(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.take_lease(jsonb), public.release_lease(jsonb)
TO service_role;
