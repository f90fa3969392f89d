-- The three roles and auth.uid() that Supabase brings along, created only where they are missing,
-- so that the same schema works on plain Postgres. The blocks say by notices which statements they ran:
-- `soulprint migrate --plan` lists them.

DO $$
DECLARE
    wanted text;
    statement text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['anon', 'authenticated', 'service_role'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
                statement := format('CREATE ROLE %I NOLOGIN NOINHERIT', wanted);
                EXECUTE statement;
                RAISE NOTICE USING ERRCODE = 'SP010', MESSAGE = statement;
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- roles belong to the cluster: another database's migration was quicker
        END;
    END LOOP;
    -- Since 16 whoever creates a role is its member without being able to act as it.
    IF NOT pg_has_role(current_user, 'service_role',
            CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END) THEN
        statement := format('GRANT service_role TO %I', current_user);
        EXECUTE statement;
        RAISE NOTICE USING ERRCODE = 'SP010', MESSAGE = statement;
    END IF;
END
$$;

DO $$
BEGIN
    IF to_regnamespace('auth') IS NULL THEN
        CREATE SCHEMA auth;
        GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role;
        RAISE NOTICE USING ERRCODE = 'SP010', MESSAGE = 'CREATE SCHEMA auth, open to the three roles';
    END IF;
    IF to_regprocedure('auth.uid()') IS NULL THEN
        CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $body$
            SELECT nullif(coalesce(
                nullif(current_setting('request.jwt.claim.sub', true), ''),
                nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
            ), '')::uuid
        $body$;
        GRANT EXECUTE ON FUNCTION auth.uid() TO anon, authenticated, service_role;
        RAISE NOTICE USING ERRCODE = 'SP010', MESSAGE = 'CREATE FUNCTION auth.uid(), open to the three roles';
    END IF;
END
$$;

GRANT USAGE ON SCHEMA public TO anon, authenticated, service_role;
