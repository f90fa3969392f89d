-- Which migrations were applied, for who cannot look for themselves: a service over REST. What is in them is no
-- secret, but nobody else needs it.
GRANT SELECT (version, checksum) ON public.soulprint_migrations TO service_role;
CREATE POLICY services ON public.soulprint_migrations FOR SELECT TO service_role USING (true);

-- {}: the checksums of the migrations that were applied, by version.
CREATE FUNCTION public.schema_version(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_object_agg(version, checksum), '{}') FROM soulprint_migrations
$$;

REVOKE ALL ON FUNCTION public.schema_version(jsonb) FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION public.schema_version(jsonb) TO service_role;
