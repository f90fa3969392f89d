-- A memory from its making to its commit: published again from here, so that no model is asked twice.
CREATE TABLE public.memory_outbox (
    import_id uuid NOT NULL,
    run integer NOT NULL,
    memory jsonb NOT NULL,
    PRIMARY KEY (import_id, run)
);

ALTER TABLE public.memory_outbox ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.memory_outbox FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.memory_outbox TO service_role;
CREATE POLICY services ON public.memory_outbox TO service_role USING (true) WITH CHECK (true);

-- Keeps a memory until its run ends. False if the run is not in consolidation: then it is not wanted.
CREATE FUNCTION public.keep_memory(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO memory_outbox (import_id, run, memory)
    SELECT i.import_id, i.run, argument -> 'memory' FROM imports i
        WHERE i.import_id = (argument ->> 'import_id')::uuid AND i.run = (argument ->> 'run')::integer
          AND i.state = 'consolidating'
    ON CONFLICT (import_id, run) DO UPDATE SET memory = excluded.memory;
    RETURN to_jsonb(FOUND);
END
$$;

-- The memory that is kept for a run; null if there is none.
CREATE FUNCTION public.read_kept_memory(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT memory FROM memory_outbox
    WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
$$;

-- Notes that the memory of a run is on its way to the writer. False if that was noted before, or the run
-- ended.
CREATE FUNCTION public.mark_published(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE imports SET published_at = now(), lease_owner = NULL, lease_until = NULL, updated_at = now()
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND published_at IS NULL AND state = 'consolidating';
    RETURN to_jsonb(FOUND);
END
$$;

-- Commits a run's memory in one durable transaction: the profile, the version it replaced, the run's end.
-- With status `failed` the profile keeps what it serves and only says that the run failed.
-- written is false, with the reason, where nothing of the profile's content changed: repeated, failed,
-- older (a newer run's memory is served), cancelled, unknown.
CREATE FUNCTION public.commit_memory(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a record;
    i imports;
    p user_profiles;
    served imports;
    refusal text;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        import_id uuid, user_id uuid, run integer, memory_md text, sections jsonb, soulprint_text text,
        coverage jsonb, facts jsonb, usage jsonb, status text, error jsonb);
    IF a.status NOT IN ('complete', 'failed') OR a.status IS NULL THEN
        RAISE EXCEPTION 'a run ends complete or failed' USING ERRCODE = 'SP003';
    END IF;
    SELECT * INTO i FROM imports WHERE import_id = a.import_id AND run = a.run FOR UPDATE;
    IF i.user_id IS DISTINCT FROM a.user_id THEN
        RETURN jsonb_build_object('written', false, 'reason', 'unknown');
    ELSIF i.state = 'cancelled' THEN
        RETURN jsonb_build_object('written', false, 'reason', 'cancelled');
    ELSIF i.state IN ('complete', 'failed') THEN
        RETURN jsonb_build_object('written', false, 'reason', 'repeated');
    END IF;
    INSERT INTO user_profiles (user_id) VALUES (a.user_id) ON CONFLICT DO NOTHING;
    SELECT * INTO p FROM user_profiles WHERE user_id = a.user_id FOR UPDATE;
    SELECT * INTO served FROM imports WHERE import_id = p.import_id AND run = p.run;
    refusal := CASE
        WHEN a.status = 'failed' THEN 'failed'
        WHEN (served.requested_at, served.ordinal) > (i.requested_at, i.ordinal) THEN 'older'
    END;
    UPDATE imports SET
            state = a.status, finished_at = now(), updated_at = now(),
            published_at = coalesce(published_at, now()),
            progress_percent = CASE WHEN a.status = 'complete' THEN 100 ELSE progress_percent END,
            stage = a.status, error = a.error, fact_counts = coalesce(a.facts, '{}'),
            usage = coalesce(a.usage, '{}'), cost = (a.usage ->> 'cost')::double precision,
            coverage = coalesce((a.coverage ->> 'ok')::double precision
                                / nullif((a.coverage ->> 'total')::double precision, 0), 1),
            lease_owner = NULL, lease_until = NULL
        WHERE import_id = a.import_id AND run = a.run;
    IF refusal IS NULL THEN
        INSERT INTO profile_versions (user_id, import_id, run, pipeline, soul_md, identity_md, user_md,
                                      agents_md, tools_md, memory_md, soulprint_text, written_at)
        SELECT p.user_id, p.import_id, p.run, p.pipeline, p.soul_md, p.identity_md, p.user_md,
               p.agents_md, p.tools_md, p.memory_md, p.soulprint_text, p.updated_at
        WHERE coalesce(p.soul_md, p.identity_md, p.user_md, p.agents_md, p.tools_md, p.memory_md,
                       p.soulprint_text) IS NOT NULL;
        UPDATE user_profiles SET
                soul_md = a.sections ->> 'soul', identity_md = a.sections ->> 'identity',
                user_md = a.sections ->> 'user', agents_md = a.sections ->> 'agents',
                tools_md = a.sections ->> 'tools', memory_md = a.memory_md,
                soulprint_text = coalesce(a.soulprint_text, concat_ws(E'\n\n',
                    nullif(a.sections ->> 'soul', ''), nullif(a.sections ->> 'identity', ''),
                    nullif(a.sections ->> 'user', ''), nullif(a.sections ->> 'agents', ''),
                    nullif(a.sections ->> 'tools', ''))),
                import_id = a.import_id, run = a.run, pipeline = i.pipeline, updated_at = now()
            WHERE user_id = a.user_id;
    END IF;
    IF is_newest_run(i) THEN
        UPDATE user_profiles SET
                full_pass_status = a.status,
                full_pass_completed_at = CASE WHEN a.status = 'complete' THEN now() END,
                full_pass_error = a.error ->> 'message', import_stage = a.status, updated_at = now(),
                progress_percent = CASE WHEN a.status = 'complete' THEN 100 ELSE progress_percent END
            WHERE user_id = a.user_id;
    END IF;
    RETURN jsonb_build_object('written', refusal IS NULL, 'reason', refusal);
END
$$;

REVOKE ALL ON FUNCTION
    public.keep_memory(jsonb), public.read_kept_memory(jsonb), public.mark_published(jsonb),
    public.commit_memory(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.keep_memory(jsonb), public.read_kept_memory(jsonb), public.mark_published(jsonb),
    public.commit_memory(jsonb)
TO service_role;
