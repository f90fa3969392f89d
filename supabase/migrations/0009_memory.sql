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

-- Keeps a memory until its run ends. False if it is not wanted: the run is not in consolidation, or was joined anew
-- since the memory was begun. A commit that joins it at this moment is waited for.
CREATE FUNCTION public.keep_memory(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO memory_outbox (import_id, run, memory)
    SELECT i.import_id, i.run, argument -> 'memory' FROM imports i
        WHERE i.import_id = (argument ->> 'import_id')::uuid AND i.run = (argument ->> 'run')::integer
          AND i.state = 'consolidating'
          AND i.edition = coalesce((argument -> 'memory' ->> 'edition')::integer, i.edition)
        FOR SHARE
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

-- Notes that the memory of a run is on its way to the writer. False if that was noted before, the run ended, or the
-- writer has sent the memory of this edition back already.
CREATE FUNCTION public.mark_published(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    i imports;
BEGIN
    UPDATE imports SET published_at = now(), lease_owner = NULL, lease_until = NULL, updated_at = now()
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND published_at IS NULL AND state = 'consolidating'
          AND edition = coalesce((argument ->> 'edition')::integer, edition)
        RETURNING * INTO i;
    IF FOUND THEN
        PERFORM tell_profile(i);
        RETURN to_jsonb(true);
    END IF;
    RETURN to_jsonb(false);
END
$$;

-- Keeps what a profile holds, or would hold: replaced now, or (null) never served.
CREATE FUNCTION public.keep_version(
    p public.user_profiles, s public.served_memories, replaced timestamptz) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO profile_versions (user_id, import_id, run, pipeline, kind, soul_md, identity_md, user_md,
                                  agents_md, tools_md, memory_md, soulprint_text, memory_import_id,
                                  memory_run, profile_format, documents, written_at, replaced_at)
    SELECT p.user_id, s.import_id, s.run, s.pipeline,
           coalesce((SELECT i.kind FROM imports i WHERE i.import_id = s.import_id AND i.run = s.run), 'primary'),
           p.soul_md, p.identity_md, p.user_md, p.agents_md, p.tools_md, p.memory_md, p.soulprint_text,
           s.memory_import_id, s.memory_run,
           coalesce(s.profile_format, 'markdown'), coalesce(s.documents, '{}'), p.updated_at, replaced
    WHERE coalesce(p.soul_md, p.identity_md, p.user_md, p.agents_md, p.tools_md, p.memory_md,
                   p.soulprint_text) IS NOT NULL
$$;

-- Serves a memory: what the profile shows of it, and whose it is. In app format a name that the person chose
-- stays.
CREATE FUNCTION public.serve_version(n public.user_profiles, s public.served_memories) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    identity jsonb;
BEGIN
    BEGIN
        identity := CASE WHEN s.profile_format = 'app' THEN (s.documents -> 'app' ->> 'identity')::jsonb END;
    EXCEPTION WHEN invalid_text_representation THEN  -- the predecessor's, which is no JSON
        NULL;
    END;
    UPDATE user_profiles SET
            soul_md = n.soul_md, identity_md = n.identity_md, user_md = n.user_md, agents_md = n.agents_md,
            tools_md = n.tools_md, memory_md = n.memory_md, soulprint_text = n.soulprint_text,
            import_id = s.import_id, run = s.run, pipeline = s.pipeline,
            ai_name = coalesce(ai_name, nullif(identity ->> 'ai_name', '')),
            archetype = coalesce(nullif(identity ->> 'archetype', ''), archetype),
            soulprint_generated_at = CASE WHEN s.profile_format = 'app' THEN now() ELSE soulprint_generated_at END,
            memory_status = CASE WHEN s.profile_format <> 'app' THEN memory_status
                                 WHEN n.memory_md IS NOT NULL THEN 'ready' ELSE 'building' END,
            updated_at = now()
        WHERE user_id = n.user_id;
    INSERT INTO served_memories AS o (user_id, import_id, run, pipeline, memory_import_id, memory_run,
                                      profile_format, documents)
    VALUES (n.user_id, s.import_id, s.run, s.pipeline, s.memory_import_id, s.memory_run, s.profile_format,
            s.documents)
    ON CONFLICT (user_id) DO UPDATE SET
        import_id = excluded.import_id, run = excluded.run, pipeline = excluded.pipeline,
        memory_import_id = excluded.memory_import_id, memory_run = excluded.memory_run,
        profile_format = excluded.profile_format, documents = excluded.documents, served_at = now();
END
$$;

-- What the app's cost page shows of a run.
CREATE FUNCTION public.app_cost(usage jsonb) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT json_build_object(
        'total_cost_usd', coalesce((usage ->> 'cost')::numeric, 0),
        'llm_cost_usd', coalesce((usage ->> 'cost')::numeric, 0), 'embedding_cost_usd', 0,
        'llm_call_count', coalesce((usage ->> 'calls')::bigint, 0), 'embedding_call_count', 0,
        'llm_input_tokens', coalesce((usage ->> 'input_tokens')::bigint, 0)
            + coalesce((usage ->> 'cache_read_tokens')::bigint, 0)
            + coalesce((usage ->> 'cache_write_tokens')::bigint, 0),
        'llm_output_tokens', coalesce((usage ->> 'output_tokens')::bigint, 0),
        'embedding_input_tokens', 0)::text
$$;

-- True if of one of its lineages the run's memory would lose much of what is served, and there is a sign that this
-- is not meant. Its export breaks where that of the run that counts did not, and it has fewer than nine tenths of the
-- current facts. Or it is another export that lacks most of the conversations on which the served memory rests, and
-- it has fewer than half. A smaller export of another history, imported on purpose, is neither: it has none of those
-- conversations, and facts of its own.
CREATE FUNCTION public.loses_much(i public.imports, s public.served_memories) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    kept_if_broken CONSTANT double precision := 0.9;
    kept_if_whole CONSTANT double precision := 0.5;
    counting record;
    served imports;
    mine smallint[];
    theirs smallint[];
    breaks jsonb;
    had bigint;
    has bigint;
    rests_on bigint;
    lacks bigint;
BEGIN
    SELECT * INTO served FROM imports n WHERE n.import_id = s.memory_import_id AND n.run = s.memory_run;
    FOR counting IN
        SELECT l.lineage, c.import_id, broken_in(c, l.lineage) AS breaks
        FROM lineages l JOIN imports c ON c.import_id = l.import_id AND c.run = l.run
        WHERE l.user_id = i.user_id AND l.lineage = ANY (own_lineages(i))
          AND NOT i.joined @> jsonb_build_array(jsonb_build_object('lineage', l.lineage))
    LOOP
        mine := account_numbers(i, counting.lineage);
        theirs := account_numbers(served, counting.lineage);
        breaks := broken_in(i, counting.lineage);
        SELECT count(*) INTO had FROM facts f
            WHERE f.import_id = served.import_id AND f.run = served.run AND f.status = 'current'
              AND f.account = ANY (theirs);
        SELECT count(*) INTO has FROM facts f
            WHERE f.import_id = i.import_id AND f.run = i.run AND f.status = 'current' AND f.account = ANY (mine);
        IF breaks <> '[]' AND breaks IS DISTINCT FROM counting.breaks THEN
            IF has < kept_if_broken * had THEN
                RETURN true;
            END IF;
        ELSIF has < kept_if_whole * had AND i.import_id <> counting.import_id THEN
            -- One probe of the key a conversation, as in save_chunks_batch.
            SELECT count(*), count(*) FILTER (WHERE NOT c.in_it) INTO rests_on, lacks
            FROM (SELECT DISTINCT f.conversation_id FROM facts f
                  WHERE f.import_id = served.import_id AND f.run = served.run AND f.status = 'current'
                    AND f.account = ANY (theirs)) r
            CROSS JOIN LATERAL (
                SELECT EXISTS (
                    SELECT FROM conversation_runs n
                    WHERE n.user_id = i.user_id AND n.conversation_id = r.conversation_id
                      AND (n.requested_at, n.ordinal) >= (i.requested_at, i.ordinal)) AS in_it OFFSET 0) c;
            IF 2 * lacks > rests_on AND (lacks < rests_on OR has = 0) THEN
                RETURN true;
            END IF;
        END IF;
    END LOOP;
    RETURN false;
END
$$;

-- True of a replay whose coverage, or whose facts, are fewer by a fifth than those of the run that it is to replace.
-- Where other lineages stand beside either, only its own are compared: those may be more or fewer by now.
CREATE FUNCTION public.came_out_worse(i public.imports, p_coverage jsonb, p_facts jsonb) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN i.replay_id IS NOT NULL AND EXISTS (
        SELECT FROM imports b
        WHERE b.import_id = i.import_id AND b.state = 'complete'
          -- a base that came out worse itself was never served: nor is what is only better than that
          AND (b.run = i.base_run OR b.run IN (
              SELECT l.run FROM lineages l WHERE l.user_id = i.user_id AND l.import_id = i.import_id))
          AND (CASE WHEN i.joined = '[]' AND b.joined = '[]'
                    THEN (p_facts ->> 'kept')::double precision < 0.8 * (b.fact_counts ->> 'kept')::double precision
                    ELSE own_facts(i, i) < 0.8 * own_facts(b, i) END
               OR coalesce((p_coverage ->> 'ok')::double precision
                           / nullif((p_coverage ->> 'total')::double precision, 0), 1) < 0.8 * b.coverage));
END
$$;

-- Commits a run's memory in one durable transaction: the profile, the version it replaced, the run's end.
-- `documents` are its sections as written in either form (served_memories has their shape); the profile shows
-- those of `profile_format`. What the run does not say, a MEMORY or a section that is null, stays as it is
-- served. With status `failed` the profile keeps what it serves and only says that the run failed. `notify`:
-- the app is to be told of the import when it is served.
-- written is false, with the reason, where nothing of the profile's content changed: repeated, failed,
-- cancelled, unknown; older (of each of its lineages a newer run's memory is served) and smaller (it would lose
-- much, and nobody said that it may), outdone (sections alone, where a memory's are served, or of a quick run any)
-- shadow, and held (a replay that came out much worse than the run that it was to replace): these five are kept as
-- versions, and noted in `unserved`; joining (since it was claimed another lineage's
-- memory was committed, which this one lacks): it is consolidated again, with that.
CREATE FUNCTION public.commit_memory(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET statement_timeout = '450s' AS $$
DECLARE
    a record;
    i imports;
    p user_profiles;
    n user_profiles;
    s served_memories;
    served imports;
    m imports;
    written jsonb;
    kept jsonb;  -- what is served already, where the columns have it in another form than from now on
    refusal text;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        import_id uuid, user_id uuid, run integer, memory_md text, documents jsonb,
        profile_format text, soulprint_text text, coverage jsonb, facts jsonb, usage jsonb, status text,
        error jsonb, notify boolean, edition integer);
    IF a.status NOT IN ('complete', 'failed') OR a.status IS NULL THEN
        RAISE EXCEPTION 'a run ends complete or failed' USING ERRCODE = 'SP003';
    ELSIF a.status = 'failed' THEN
        PERFORM hold_runs(a.import_id, a.run);
    END IF;
    SELECT * INTO i FROM imports WHERE import_id = a.import_id AND run = a.run FOR UPDATE;
    IF i.user_id IS DISTINCT FROM a.user_id THEN
        RETURN jsonb_build_object('written', false, 'reason', 'unknown');
    ELSIF i.state = 'cancelled' THEN
        RETURN jsonb_build_object('written', false, 'reason', 'cancelled');
    ELSIF i.state IN ('complete', 'failed') THEN
        RETURN jsonb_build_object('written', false, 'reason', 'repeated');
    ELSIF i.edition <> coalesce(a.edition, 0) THEN  -- made before it was joined anew: the next one is on its way
        RETURN jsonb_build_object('written', false, 'reason', 'repeated');
    END IF;
    IF a.status = 'failed' AND is_opened_again(i) THEN
        i := close_reopened(i, coalesce(a.error ->> 'message', 'no memory was made of it'));
        PERFORM tell_profile(i);
        RETURN jsonb_build_object('written', false, 'reason', 'failed');
    END IF;
    IF NOT makes_memory(i) THEN
        a.memory_md := NULL;
    END IF;
    IF i.kind <> 'shadow' THEN
        INSERT INTO user_profiles (user_id) VALUES (a.user_id) ON CONFLICT (user_id) DO NOTHING;
        SELECT * INTO p FROM user_profiles WHERE user_id = a.user_id FOR UPDATE;
        SELECT * INTO s FROM served_memories WHERE user_id = a.user_id;
        SELECT * INTO served FROM imports WHERE import_id = s.import_id AND run = s.run;
    END IF;
    refusal := CASE
        WHEN a.status = 'failed' THEN 'failed'
        WHEN i.kind = 'shadow' THEN 'shadow'
        WHEN NOT makes_memory(i) AND has_sections(p)
             AND (i.kind = 'quick' OR s.memory_import_id IS NOT NULL OR makes_memory(served)) THEN 'outdone'
        WHEN CASE WHEN a.memory_md IS NULL OR i.accounts = '[]'
                  -- a quick run counts as no later than the primary one beside which it was begun
                  THEN (served.requested_at, CASE served.kind WHEN 'quick' THEN 0 ELSE served.ordinal END)
                       > (i.requested_at, i.ordinal)
                  ELSE outdone_lineages(i) @> own_lineages(i) END THEN 'older'
        WHEN NOT i.replaces AND came_out_worse(i, a.coverage, a.facts) THEN 'held'
        WHEN a.memory_md IS NOT NULL AND NOT i.replaces AND loses_much(i, s) THEN 'smaller'
        WHEN a.memory_md IS NOT NULL AND join_for(i) <> i.joined THEN 'joining'
    END;
    IF refusal = 'joining' THEN
        DELETE FROM memory_outbox WHERE import_id = a.import_id AND run = a.run;
        UPDATE imports SET
                edition = edition + 1, published_at = NULL, lease_owner = NULL, lease_until = NULL,
                usage = coalesce(a.usage, '{}'), updated_at = now()
            WHERE import_id = a.import_id AND run = a.run RETURNING * INTO i;
        PERFORM tell_profile(i);
        RETURN jsonb_build_object('written', false, 'reason', refusal);
    END IF;
    IF a.status = 'complete' THEN
        n := p;
        IF refusal IS NOT NULL THEN  -- its own, and nothing of what is served
            n.user_id := a.user_id;
            n.soul_md := NULL; n.identity_md := NULL; n.user_md := NULL; n.agents_md := NULL;
            n.tools_md := NULL; n.memory_md := NULL; n.soulprint_text := NULL; n.updated_at := now();
            s.memory_import_id := NULL; s.memory_run := NULL; s.documents := NULL;
        ELSE
            PERFORM keep_version(p, s, now());
        END IF;
        a.profile_format := coalesce(a.profile_format, 'markdown');
        kept := CASE WHEN s.profile_format <> a.profile_format THEN s.documents -> a.profile_format END;
        s.profile_format := a.profile_format;
        a.documents := jsonb_strip_nulls(coalesce(nullif(a.documents, 'null'), '{}'));
        written := a.documents -> s.profile_format;
        n.soul_md := coalesce(written ->> 'soul', kept ->> 'soul', n.soul_md);
        n.identity_md := coalesce(written ->> 'identity', kept ->> 'identity', n.identity_md);
        n.user_md := coalesce(written ->> 'user', kept ->> 'user', n.user_md);
        n.agents_md := coalesce(written ->> 'agents', kept ->> 'agents', n.agents_md);
        n.tools_md := coalesce(written ->> 'tools', kept ->> 'tools', n.tools_md);
        s.documents := jsonb_build_object(
            'markdown', coalesce(s.documents -> 'markdown', '{}') || coalesce(a.documents -> 'markdown', '{}'),
            'app', coalesce(s.documents -> 'app', '{}') || coalesce(a.documents -> 'app', '{}'));
        -- Without a section of ours what is there stays, such as the predecessor's: without one the app asks for an import.
        n.soulprint_text := coalesce(a.soulprint_text, nullif(concat_ws(E'\n\n',
            nullif(s.documents -> 'markdown' ->> 'soul', ''), nullif(s.documents -> 'markdown' ->> 'identity', ''),
            nullif(s.documents -> 'markdown' ->> 'user', ''), nullif(s.documents -> 'markdown' ->> 'agents', ''),
            nullif(s.documents -> 'markdown' ->> 'tools', '')), ''), n.soulprint_text, '');
        IF a.memory_md IS NOT NULL THEN
            n.memory_md := a.memory_md; s.memory_import_id := a.import_id; s.memory_run := a.run;
        END IF;
        s.import_id := a.import_id; s.run := a.run; s.pipeline := i.pipeline;
        IF refusal IS NULL THEN
            PERFORM serve_version(n, s);
            IF a.memory_md IS NOT NULL THEN
                PERFORM count_lineages(i);
            END IF;
        ELSE
            PERFORM keep_version(n, s, NULL);
        END IF;
    END IF;
    UPDATE imports SET
            state = a.status, finished_at = now(), updated_at = now(),
            published_at = coalesce(published_at, now()),
            progress_percent = CASE WHEN a.status = 'complete' THEN 100 ELSE progress_percent END,
            stage = CASE WHEN refusal <> 'failed' THEN 'unserved' ELSE a.status END,
            error = a.error, fact_counts = coalesce(a.facts, '{}'),
            usage = coalesce(a.usage, '{}'), cost = (a.usage ->> 'cost')::double precision,
            coverage = coalesce((a.coverage ->> 'ok')::double precision
                                / nullif((a.coverage ->> 'total')::double precision, 0), 1),
            unserved = nullif(refusal, 'failed'), profile_format = coalesce(a.profile_format, 'markdown'),
            lease_owner = NULL, lease_until = NULL
        WHERE import_id = a.import_id AND run = a.run RETURNING * INTO i;
    IF i.kind = 'shadow' THEN
        RETURN jsonb_build_object('written', false, 'reason', refusal);
    END IF;
    PERFORM add_fallback(i);
    PERFORM tell_profile(i);
    m := primary_of(i);
    IF i.profile_format = 'app' AND refusal IS NULL AND is_newest_run(m) IS NOT TRUE THEN
        -- of another account: what the newest run tells depends on what is served, and how much that rests on
        PERFORM tell_profile(o) FROM (
            SELECT * FROM imports r WHERE r.user_id = i.user_id AND r.kind = 'primary' AND r.state <> 'cancelled'
              AND NOT is_silent(r) ORDER BY r.requested_at DESC, r.ordinal DESC LIMIT 1) o;
    END IF;
    IF i.profile_format = 'app' AND NOT is_silent(i) THEN
        -- what a quick run cost is told until its primary one has ended
        UPDATE user_profiles SET import_cost_json = app_cost(i.usage)
            WHERE user_id = i.user_id AND NOT EXISTS (
                SELECT FROM imports o
                WHERE o.user_id = i.user_id AND o.state = 'complete' AND o.kind IN ('primary', 'fallback')
                  AND CASE i.kind WHEN 'quick' THEN o.requested_at >= i.requested_at
                                  ELSE (o.requested_at, o.ordinal) > (i.requested_at, i.ordinal) END);
        IF FOUND THEN  -- what was embedded while the run was under way
            PERFORM tell_embedding_cost(i);
        END IF;
    END IF;
    IF a.notify AND refusal IS NULL AND i.kind <> 'quick' THEN
        PERFORM owe_callback(i, 'complete') WHERE NOT EXISTS (
            SELECT FROM imports b  -- a replay is no news, unless it mends what had failed
            WHERE b.import_id = i.import_id AND b.run = i.base_run AND b.state = 'complete');
    ELSIF a.notify AND refusal IS NULL AND i.profile_format = 'app' AND m.import_id IS NOT NULL THEN
        PERFORM owe_callback(m, 'quick');
    END IF;
    RETURN jsonb_build_object('written', refusal IS NULL, 'reason', refusal);
END
$$;

-- Serves what is kept, in place of what is served, which is kept in turn; both rows of the user's are locked. It is
-- shown in the form that is served now; what it does not hold stays as it is served. Null, or why nothing changed:
-- apart (it was made before what now counts for other lineages, which it would take away).
CREATE FUNCTION public.serve_kept(v public.profile_versions) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    p user_profiles;
    n user_profiles;
    s served_memories;
    shown jsonb;
    told text[];
    made imports;
BEGIN
    SELECT * INTO made FROM imports o WHERE o.import_id = v.memory_import_id AND o.run = v.memory_run;
    IF join_for(made, true) <> made.joined THEN
        RETURN 'apart';
    END IF;
    INSERT INTO user_profiles (user_id) VALUES (v.user_id) ON CONFLICT (user_id) DO NOTHING;
    SELECT * INTO p FROM user_profiles o WHERE o.user_id = v.user_id FOR UPDATE;
    SELECT * INTO s FROM served_memories o WHERE o.user_id = v.user_id;
    PERFORM keep_version(p, s, now());
    n := p;
    s.profile_format := coalesce(s.profile_format, v.profile_format);
    -- As it was kept, which may be refined since it was written; in the other form, as it was written. What others
    -- wrote there is in the one form that they use.
    shown := jsonb_strip_nulls(jsonb_build_object(
        'soul', v.soul_md, 'identity', v.identity_md, 'user', v.user_md, 'agents', v.agents_md, 'tools', v.tools_md));
    IF s.profile_format <> v.profile_format THEN
        shown := shown || coalesce(v.documents -> s.profile_format, '{}');
    END IF;
    n.soul_md := coalesce(shown ->> 'soul', p.soul_md);
    n.identity_md := coalesce(shown ->> 'identity', p.identity_md);
    n.user_md := coalesce(shown ->> 'user', p.user_md);
    n.agents_md := coalesce(shown ->> 'agents', p.agents_md);
    n.tools_md := coalesce(shown ->> 'tools', p.tools_md);
    n.memory_md := coalesce(v.memory_md, p.memory_md);
    n.soulprint_text := coalesce(v.soulprint_text, p.soulprint_text);
    told := ARRAY(SELECT jsonb_object_keys(shown));
    s.documents := jsonb_build_object(
        'markdown', coalesce(s.documents -> 'markdown', '{}') - told || coalesce(v.documents -> 'markdown', '{}'),
        'app', coalesce(s.documents -> 'app', '{}') - told || coalesce(v.documents -> 'app', '{}'));
    s.import_id := v.import_id; s.run := v.run; s.pipeline := v.pipeline;
    IF v.memory_import_id IS NOT NULL THEN
        s.memory_import_id := v.memory_import_id; s.memory_run := v.memory_run;
    END IF;
    PERFORM serve_version(n, s);
    PERFORM count_lineages(made);
    DELETE FROM profile_versions o WHERE o.user_id = v.user_id AND o.version = v.version;
    UPDATE imports SET unserved = NULL, stage = 'complete', updated_at = now()
        WHERE import_id = v.import_id AND run = v.run AND state = 'complete';
    UPDATE user_profiles SET
            full_pass_status = 'complete', full_pass_completed_at = now(), full_pass_error = NULL,
            import_stage = CASE s.profile_format WHEN 'app' THEN 'Complete' ELSE 'complete' END,
            progress_percent = 100
        WHERE user_id = p.user_id AND NOT EXISTS (
            SELECT FROM imports i WHERE i.user_id = p.user_id AND i.kind = 'primary' AND i.replay_id IS NULL
              AND i.state NOT IN ('complete', 'failed', 'cancelled'));
    RETURN NULL;
END
$$;

-- Serves the memory that is kept of an import, of its newest run of which one is. written is false, with the reason,
-- where nothing changed: served (it is already), unknown (no memory of this import is kept), or as serve_kept says.
CREATE FUNCTION public.accept_memory(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET statement_timeout = '450s' AS $$
DECLARE
    p_import_id uuid := (argument ->> 'import_id')::uuid;
    p_user uuid;
    s served_memories;
    v profile_versions;
    refusal text;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    -- Runs before profiles, as commit_memory locks them.
    PERFORM FROM imports i WHERE i.import_id = p_import_id ORDER BY i.run FOR UPDATE;
    p_user := (SELECT i.user_id FROM imports i WHERE i.import_id = p_import_id LIMIT 1);
    PERFORM FROM user_profiles o WHERE o.user_id = p_user FOR UPDATE;
    SELECT * INTO s FROM served_memories o WHERE o.user_id = p_user;
    SELECT * INTO v FROM profile_versions o
        WHERE o.user_id = p_user AND o.import_id = p_import_id AND o.kind <> 'shadow'
        ORDER BY o.run DESC, o.version DESC LIMIT 1;
    IF s.import_id = p_import_id AND s.run >= coalesce(v.run, 0) THEN
        RETURN jsonb_build_object('written', false, 'run', s.run, 'reason', 'served');
    ELSIF v.version IS NULL THEN
        RETURN jsonb_build_object('written', false, 'run', NULL, 'reason', 'unknown');
    END IF;
    refusal := serve_kept(v);
    RETURN jsonb_build_object('written', refusal IS NULL, 'run', v.run, 'reason', refusal);
END
$$;

-- {user_id, version, who?, why?}: serves that version of the user's profile, as accept_memory does an import's; what it takes the
-- place of gets a number of its own, and this one is none any more. What stands in it of whoever wrote before SoulPrint
-- has no run, and so has the profile then. reason: unknown (no such version is kept), shadow (it is never
-- served), or as serve_kept says.
CREATE FUNCTION public.restore_version(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET statement_timeout = '450s' AS $$
DECLARE
    p_user uuid := (argument ->> 'user_id')::uuid;
    v profile_versions;
    refusal text;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    SELECT * INTO v FROM profile_versions o
        WHERE o.user_id = p_user AND o.version = (argument ->> 'version')::bigint;
    PERFORM FROM imports i WHERE i.import_id = v.import_id ORDER BY i.run FOR UPDATE;
    PERFORM FROM user_profiles o WHERE o.user_id = p_user FOR UPDATE;
    -- By a statement of its own: who restored at the same moment was waited for.
    SELECT * INTO v FROM profile_versions o
        WHERE o.user_id = p_user AND o.version = (argument ->> 'version')::bigint;
    refusal := CASE WHEN v.version IS NULL THEN 'unknown' WHEN v.kind = 'shadow' THEN 'shadow' ELSE serve_kept(v) END;
    IF refusal IS NULL AND argument ->> 'who' <> '' THEN
        INSERT INTO audit (who, what, subject, why)
        VALUES (argument ->> 'who', 'profile restore ' || v.version, p_user::text, coalesce(argument ->> 'why', ''));
    END IF;
    RETURN jsonb_build_object('written', refusal IS NULL, 'run', v.run, 'reason', refusal);
END
$$;

-- {user_id, limit}: the versions of a user's profile that are kept, newest first: whose they are and how long, no text.
CREATE FUNCTION public.list_versions(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT v.version, v.import_id, v.run, v.pipeline, v.kind, v.profile_format, v.written_at, v.replaced_at,
               coalesce(length(v.memory_md), 0) AS memory_characters,
               num_nonnulls(v.soul_md, v.identity_md, v.user_md, v.agents_md, v.tools_md) AS sections
        FROM profile_versions v WHERE v.user_id = (argument ->> 'user_id')::uuid
        ORDER BY v.version DESC LIMIT (argument ->> 'limit')::integer) t
$$;

-- The documents that a run wrote, served or kept, as Markdown; null if it wrote none.
CREATE FUNCTION public.read_documents(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT to_jsonb(d) FROM imports i CROSS JOIN LATERAL (
        SELECT CASE f WHEN 'markdown' THEN soul_md ELSE m ->> 'soul' END AS soul_md,
               CASE f WHEN 'markdown' THEN identity_md ELSE m ->> 'identity' END AS identity_md,
               CASE f WHEN 'markdown' THEN user_md ELSE m ->> 'user' END AS user_md,
               CASE f WHEN 'markdown' THEN agents_md ELSE m ->> 'agents' END AS agents_md,
               CASE f WHEN 'markdown' THEN tools_md ELSE m ->> 'tools' END AS tools_md, memory_md
        FROM (
            SELECT p.soul_md, p.identity_md, p.user_md, p.agents_md, p.tools_md, p.memory_md,
                   s.profile_format AS f, s.documents -> 'markdown' AS m, 9223372036854775807 AS version
            FROM served_memories s JOIN user_profiles p ON p.user_id = s.user_id
            WHERE s.user_id = i.user_id AND s.import_id = i.import_id AND s.run = i.run
            UNION ALL
            SELECT v.soul_md, v.identity_md, v.user_md, v.agents_md, v.tools_md, v.memory_md,
                   v.profile_format, v.documents -> 'markdown', v.version
            FROM profile_versions v
            WHERE v.user_id = i.user_id AND v.import_id = i.import_id AND v.run = i.run
            ORDER BY version DESC LIMIT 1) newest) d
    WHERE i.import_id = (argument ->> 'import_id')::uuid AND i.run = (argument ->> 'run')::integer
$$;

REVOKE ALL ON FUNCTION
    public.keep_memory(jsonb), public.read_kept_memory(jsonb), public.mark_published(jsonb),
    public.keep_version(public.user_profiles, public.served_memories, timestamptz),
    public.serve_version(public.user_profiles, public.served_memories), public.app_cost(jsonb),
    public.loses_much(public.imports, public.served_memories),
    public.came_out_worse(public.imports, jsonb, jsonb), public.commit_memory(jsonb),
    public.serve_kept(public.profile_versions), public.accept_memory(jsonb), public.restore_version(jsonb),
    public.list_versions(jsonb), public.read_documents(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.keep_memory(jsonb), public.read_kept_memory(jsonb), public.mark_published(jsonb),
    public.keep_version(public.user_profiles, public.served_memories, timestamptz),
    public.serve_version(public.user_profiles, public.served_memories), public.app_cost(jsonb),
    public.loses_much(public.imports, public.served_memories),
    public.came_out_worse(public.imports, jsonb, jsonb), public.commit_memory(jsonb),
    public.serve_kept(public.profile_versions), public.accept_memory(jsonb), public.restore_version(jsonb),
    public.list_versions(jsonb), public.read_documents(jsonb)
TO service_role;
