-- Whether the database takes writes now; raises 25006 where it does not, as a standby or one with a full disk.
CREATE FUNCTION public.require_writable(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'the database takes no writes' USING ERRCODE = '25006';
    END IF;
    RETURN to_jsonb(true);
END
$$;

REVOKE ALL ON FUNCTION public.require_writable(jsonb) FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION public.require_writable(jsonb) TO service_role;
