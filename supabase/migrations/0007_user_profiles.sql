-- What is served to each user, and how the newest run fares.
CREATE TABLE public.user_profiles (
    user_id uuid PRIMARY KEY,
    soul_md text,
    identity_md text,
    user_md text,
    agents_md text,
    tools_md text,
    memory_md text,
    soulprint_text text,
    full_pass_status text NOT NULL DEFAULT 'pending'
        CHECK (full_pass_status IN ('pending', 'processing', 'complete', 'failed')),
    full_pass_started_at timestamptz,
    full_pass_completed_at timestamptz,
    full_pass_error text,
    progress_percent real NOT NULL DEFAULT 0 CHECK (progress_percent BETWEEN 0 AND 100),
    import_stage text,
    -- the run whose memory and sections the row holds
    import_id uuid,
    run integer,
    pipeline text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE public.user_profiles ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.user_profiles FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT ON public.user_profiles TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.user_profiles TO service_role;
CREATE POLICY own_rows ON public.user_profiles FOR SELECT TO authenticated
    USING (user_id = (SELECT auth.uid()));
CREATE POLICY services ON public.user_profiles TO service_role USING (true) WITH CHECK (true);

-- What a commit replaced, whole, with the run that had written it (none: it came from elsewhere).
CREATE TABLE public.profile_versions (
    user_id uuid NOT NULL,
    version bigint GENERATED ALWAYS AS IDENTITY,
    import_id uuid,
    run integer,
    pipeline text,
    soul_md text,
    identity_md text,
    user_md text,
    agents_md text,
    tools_md text,
    memory_md text,
    soulprint_text text,
    written_at timestamptz,
    replaced_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, version)
);

ALTER TABLE public.profile_versions ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.profile_versions FROM PUBLIC, anon, authenticated, service_role;
REVOKE ALL ON SEQUENCE public.profile_versions_version_seq FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT ON public.profile_versions TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.profile_versions TO service_role;
CREATE POLICY own_rows ON public.profile_versions FOR SELECT TO authenticated
    USING (user_id = (SELECT auth.uid()));
CREATE POLICY services ON public.profile_versions TO service_role USING (true) WITH CHECK (true);

-- Sets the named columns of a profile, which is made if it is missing; a null clears. Others stay.
CREATE FUNCTION public.update_user_profile(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    owner uuid := (argument ->> 'user_id')::uuid;
    fields jsonb := argument -> 'fields';
    wrong text;
BEGIN
    SELECT string_agg(CASE WHEN k ~ '^[a-z_]{1,40}$' THEN k ELSE '?' END, ', ' ORDER BY k) INTO wrong
        FROM jsonb_object_keys(fields) k
        WHERE k NOT IN ('soul_md', 'identity_md', 'user_md', 'agents_md', 'tools_md', 'memory_md',
                        'soulprint_text', 'full_pass_status', 'full_pass_started_at',
                        'full_pass_completed_at', 'full_pass_error', 'progress_percent', 'import_stage');
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'not a field of a profile: %', wrong USING ERRCODE = 'SP003';
    END IF;
    INSERT INTO user_profiles (user_id) VALUES (owner) ON CONFLICT DO NOTHING;
    UPDATE user_profiles p SET
            (soul_md, identity_md, user_md, agents_md, tools_md, memory_md, soulprint_text, full_pass_status,
             full_pass_started_at, full_pass_completed_at, full_pass_error, progress_percent, import_stage,
             updated_at) = (
                SELECT n.soul_md, n.identity_md, n.user_md, n.agents_md, n.tools_md, n.memory_md,
                       n.soulprint_text, n.full_pass_status, n.full_pass_started_at, n.full_pass_completed_at,
                       n.full_pass_error, n.progress_percent, n.import_stage, now()
                FROM jsonb_populate_record(p, fields) n)
        WHERE p.user_id = owner;
    RETURN to_jsonb(true);
END
$$;

-- A user's profile; null if there is none.
CREATE FUNCTION public.read_profile(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT to_jsonb(p) FROM user_profiles p WHERE p.user_id = (argument ->> 'user_id')::uuid
$$;

REVOKE ALL ON FUNCTION
    public.update_user_profile(jsonb), public.read_profile(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.update_user_profile(jsonb), public.read_profile(jsonb)
TO service_role;
