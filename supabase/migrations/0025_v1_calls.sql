-- What the first pipeline keeps: sections on their way to the writer, and the calls of a predecessor that does all of
-- the work itself.

-- Keeps the sections that a run made of one look at its export, until the run ends: they are published from here, so no
-- model is asked twice. False if the run ended, or its sections are kept already.
CREATE FUNCTION public.keep_sections(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    i imports;
BEGIN
    UPDATE imports SET
            state = 'consolidating', stage = 'consolidating', counts = coalesce(argument -> 'counts', '{}'),
            breaks = coalesce(argument -> 'breaks', '[]'), chunked_at = now(), updated_at = now()
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND state = 'chunking'
        RETURNING * INTO i;
    IF NOT FOUND THEN
        RETURN to_jsonb(false);
    END IF;
    INSERT INTO memory_outbox (import_id, run, memory) VALUES (i.import_id, i.run, argument -> 'memory')
        ON CONFLICT (import_id, run) DO UPDATE SET memory = excluded.memory;
    PERFORM tell_profile(i);
    RETURN to_jsonb(true);
END
$$;

-- An import that a predecessor is to process, or has been told to. It is marked before the predecessor is called; so one
-- whose process dies then is never called for again, and only watched.
--   due       to be called for, not before due_at
--   posted    called for; the predecessor may be at work on it
--   complete  its sections are served
--   failed    it was refused, or failed, or did not end in time
--   dropped   its run ended otherwise
CREATE TABLE public.v1_calls (
    import_id uuid NOT NULL,
    run integer NOT NULL,
    user_id uuid NOT NULL,
    state text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'posted', 'complete', 'failed', 'dropped')),
    attempts integer NOT NULL DEFAULT 0,
    token uuid UNIQUE,
    conversation_count bigint,
    message_count bigint,
    -- the MEMORY that was there before: another one after it is the predecessor's
    memory_before text,
    due_at timestamptz NOT NULL DEFAULT now(),
    posted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    PRIMARY KEY (import_id, run)
);
CREATE INDEX v1_calls_open ON public.v1_calls (state, due_at) WHERE state IN ('due', 'posted');

ALTER TABLE public.v1_calls ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.v1_calls FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.v1_calls TO service_role;
CREATE POLICY services ON public.v1_calls TO service_role USING (true) WITH CHECK (true);

-- Has the predecessor called for a run, once. False if the run has ended, or is that already. What its event does not say
-- of the export is as it was said when the import was first asked for.
CREATE FUNCTION public.owe_v1_call(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    INSERT INTO v1_calls (import_id, run, user_id, conversation_count, message_count)
    SELECT i.import_id, i.run, i.user_id,
           coalesce(argument ->> 'conversation_count', first.asked ->> 'conversation_count')::bigint,
           coalesce(argument ->> 'message_count', first.asked ->> 'message_count')::bigint
    FROM imports i LEFT JOIN LATERAL (
        SELECT n.asked FROM imports n WHERE n.import_id = i.import_id AND n.asked <> '{}'
        ORDER BY n.run DESC LIMIT 1) first ON true
    WHERE i.import_id = (argument ->> 'import_id')::uuid AND i.run = (argument ->> 'run')::integer
      AND i.state NOT IN ('complete', 'failed', 'cancelled')
    ON CONFLICT DO NOTHING;
    RETURN to_jsonb(FOUND);
END
$$;

-- Whether any call is due, or under way.
CREATE FUNCTION public.has_v1_calls(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT to_jsonb(EXISTS (SELECT FROM v1_calls c WHERE c.state IN ('due', 'posted')))
$$;

-- Marks the call that is due first, and answers it; null if none is due, or `at_once` are at the predecessor. Of one
-- person one at a time: they have one profile, and the end that it shows would be taken for that of both. The first
-- time what the profile shows is kept, and it is set to show no end: the next end that it shows is the
-- predecessor's. The same token is answered the same call until that is settled, so an answer that was lost may be
-- asked for again.
CREATE FUNCTION public.take_v1_call(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    c v1_calls;
    i imports;
    p user_profiles;
    s served_memories;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    PERFORM pg_advisory_xact_lock(hashtextextended('v1_calls', 0));
    SELECT * INTO c FROM v1_calls o WHERE o.token = (argument ->> 'token')::uuid AND o.state = 'posted';
    IF FOUND THEN
        SELECT * INTO i FROM imports n WHERE n.import_id = c.import_id AND n.run = c.run;
    ELSE
        IF (SELECT count(*) FROM v1_calls o WHERE o.state = 'posted') >= (argument ->> 'at_once')::integer THEN
            RETURN NULL;
        END IF;
        -- Runs first, as all who lock several of these.
        SELECT n.* INTO i FROM v1_calls o JOIN imports n ON n.import_id = o.import_id AND n.run = o.run
            WHERE o.state = 'due' AND o.due_at <= now() AND n.state NOT IN ('complete', 'failed', 'cancelled')
              AND NOT EXISTS (SELECT FROM v1_calls x WHERE x.user_id = o.user_id AND x.state = 'posted')
            ORDER BY o.due_at, o.created_at, o.import_id LIMIT 1 FOR UPDATE OF n SKIP LOCKED;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        INSERT INTO user_profiles (user_id) VALUES (i.user_id) ON CONFLICT (user_id) DO NOTHING;
        SELECT * INTO p FROM user_profiles o WHERE o.user_id = i.user_id FOR UPDATE;
        UPDATE v1_calls o SET
                state = 'posted', token = (argument ->> 'token')::uuid, attempts = o.attempts + 1, posted_at = now(),
                memory_before = CASE WHEN o.attempts = 0 THEN p.memory_md ELSE o.memory_before END
            WHERE o.import_id = i.import_id AND o.run = i.run AND o.state = 'due'
            RETURNING * INTO c;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        IF c.attempts = 1 THEN
            SELECT * INTO s FROM served_memories o WHERE o.user_id = i.user_id;
            PERFORM keep_version(p, s, now());
        END IF;
        UPDATE user_profiles SET
                full_pass_status = 'pending', full_pass_error = NULL, import_error = NULL,
                import_status = CASE WHEN import_status = 'locked' THEN 'locked' ELSE 'processing' END,
                updated_at = now()
            WHERE user_id = i.user_id;
        UPDATE imports SET stage = 'v1', updated_at = now() WHERE import_id = i.import_id AND run = i.run;
    END IF;
    RETURN jsonb_build_object(
        'import_id', c.import_id, 'run', c.run, 'user_id', c.user_id, 'attempt', c.attempts, 'source', i.source,
        'conversation_count', coalesce(c.conversation_count, 0), 'message_count', coalesce(c.message_count, 0));
END
$$;

-- Ends the call of a run, and the run with it.
CREATE FUNCTION public.end_v1_call(i public.imports, outcome text, reason text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    c v1_calls;
    p user_profiles;
    s served_memories;
BEGIN
    UPDATE v1_calls o SET state = outcome, token = NULL, ended_at = now()
        WHERE o.import_id = i.import_id AND o.run = i.run AND o.state IN ('due', 'posted') RETURNING * INTO c;
    IF NOT FOUND OR outcome = 'dropped' THEN
        RETURN;
    END IF;
    SELECT * INTO p FROM user_profiles o WHERE o.user_id = i.user_id FOR UPDATE;
    IF outcome = 'failed' THEN
        PERFORM fail_run(jsonb_build_object(
            'import_id', i.import_id, 'run', i.run, 'step', 'v1', 'error', reason));
        UPDATE user_profiles o SET  -- in the predecessor's words, where it has said why
                full_pass_status = 'failed',
                full_pass_error = coalesce(p.full_pass_error, p.import_error, o.full_pass_error, reason),
                import_error = CASE WHEN o.import_status = 'failed' THEN coalesce(p.import_error, o.import_error) END
            WHERE o.user_id = i.user_id AND NOT EXISTS (  -- what was asked for since speaks for itself
                SELECT FROM imports n
                WHERE n.user_id = i.user_id AND n.kind = 'primary' AND n.pipeline <> 'v1'
                  AND n.state NOT IN ('failed', 'cancelled') AND NOT is_silent(n)
                  AND (n.requested_at, n.ordinal) > (i.requested_at, i.ordinal));
        RETURN;
    END IF;
    SELECT * INTO s FROM served_memories o WHERE o.user_id = i.user_id;
    IF s.served_at >= c.posted_at THEN  -- somebody else's was served meanwhile
        UPDATE imports SET unserved = 'older' WHERE import_id = i.import_id AND run = i.run;
    ELSE
        INSERT INTO served_memories AS o (user_id, import_id, run, pipeline, memory_import_id, memory_run,
                                          profile_format, documents)
        VALUES (i.user_id, i.import_id, i.run, i.pipeline,
                CASE WHEN p.memory_md = c.memory_before THEN s.memory_import_id END,
                CASE WHEN p.memory_md = c.memory_before THEN s.memory_run END,
                'app', jsonb_build_object('markdown', '{}'::jsonb, 'app', jsonb_strip_nulls(jsonb_build_object(
                    'soul', p.soul_md, 'identity', p.identity_md, 'user', p.user_md, 'agents', p.agents_md,
                    'tools', p.tools_md))))
        ON CONFLICT (user_id) DO UPDATE SET
            import_id = excluded.import_id, run = excluded.run, pipeline = excluded.pipeline,
            memory_import_id = excluded.memory_import_id, memory_run = excluded.memory_run,
            profile_format = excluded.profile_format, documents = excluded.documents, served_at = now();
        UPDATE user_profiles SET import_id = i.import_id, run = i.run, pipeline = i.pipeline
            WHERE user_id = i.user_id;
    END IF;
    UPDATE imports SET
            state = 'complete', stage = 'complete', progress_percent = 100, coverage = 1, finished_at = now(),
            updated_at = now(), published_at = coalesce(published_at, now())
        WHERE import_id = i.import_id AND run = i.run AND state NOT IN ('complete', 'failed', 'cancelled');
    PERFORM tell_profile(i);  -- of what was asked for since, and was not told while the predecessor spoke
END
$$;

-- Notes what became of the call that was marked with this token: accepted; unknown (it may be at work: like an accepted
-- one it is only watched); again (it is surely not, and is called again in so many seconds, `most` times in all);
-- refused. Answers the call's state, null if it is not marked so any more.
CREATE FUNCTION public.settle_v1_call(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    i imports;
    c v1_calls;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    SELECT n.* INTO i FROM v1_calls o JOIN imports n ON n.import_id = o.import_id AND n.run = o.run
        WHERE o.token = (argument ->> 'token')::uuid AND o.state = 'posted' FOR UPDATE OF n;
    SELECT * INTO c FROM v1_calls o
        WHERE o.token = (argument ->> 'token')::uuid AND o.state = 'posted' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF argument ->> 'outcome' IN ('accepted', 'unknown') THEN
        UPDATE v1_calls SET token = NULL WHERE import_id = c.import_id AND run = c.run;
        RETURN to_jsonb('posted'::text);
    ELSIF argument ->> 'outcome' = 'again' AND c.attempts < (argument ->> 'most')::integer THEN
        UPDATE v1_calls SET
                state = 'due', token = NULL,
                due_at = now() + make_interval(secs => coalesce((argument ->> 'again_in')::double precision, 0))
            WHERE import_id = c.import_id AND run = c.run;
        RETURN to_jsonb('due'::text);
    END IF;
    PERFORM end_v1_call(i, 'failed', argument ->> 'reason');
    RETURN to_jsonb('failed'::text);
END
$$;

-- Looks how the predecessor fares with what it was called for, and ends what has ended: as its profile says; as failed
-- after so many seconds without an end. Answers what ended now. Shows the sweeper that somebody looks after the others.
CREATE FUNCTION public.watch_v1_calls(argument jsonb) RETURNS json
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    i imports;
    c v1_calls;
    p user_profiles;
    outcome text;
    ended jsonb := '[]';
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    FOR i IN
        SELECT n.* FROM v1_calls o JOIN imports n ON n.import_id = o.import_id AND n.run = o.run
        WHERE o.state IN ('due', 'posted')
        ORDER BY n.user_id, n.import_id, n.run FOR UPDATE OF n SKIP LOCKED  -- profiles in the order of note_progress
    LOOP
        SELECT * INTO c FROM v1_calls o WHERE o.import_id = i.import_id AND o.run = i.run FOR UPDATE;
        SELECT * INTO p FROM user_profiles o WHERE o.user_id = i.user_id;
        outcome := CASE
            WHEN c.state NOT IN ('due', 'posted') THEN NULL
            WHEN i.state IN ('complete', 'failed', 'cancelled') THEN 'dropped'
            WHEN c.state = 'due' THEN NULL
            WHEN 'failed' IN (p.full_pass_status, p.import_status) THEN 'failed'
            WHEN p.full_pass_status = 'complete' THEN 'complete'
            WHEN p.import_status = 'complete' AND p.full_pass_status IS DISTINCT FROM 'processing' THEN 'complete'
            WHEN c.posted_at < now() - make_interval(secs => (argument ->> 'seconds')::double precision)
                THEN 'late' END;
        IF outcome IS NULL THEN
            UPDATE imports SET updated_at = now() WHERE import_id = i.import_id AND run = i.run;
        ELSE
            PERFORM end_v1_call(i, CASE outcome WHEN 'late' THEN 'failed' ELSE outcome END, CASE outcome
                WHEN 'failed' THEN 'the v1 backend says that it failed: its words are in the profile'
                WHEN 'late' THEN format('the v1 backend was called, and shows no end after %s hours',
                    round((argument ->> 'seconds')::numeric / 3600, 1)) END);
            ended := ended || jsonb_build_object(
                'import_id', i.import_id, 'run', i.run, 'user_id', i.user_id, 'outcome', outcome);
        END IF;
    END LOOP;
    RETURN ended;
END
$$;

REVOKE ALL ON FUNCTION
    public.keep_sections(jsonb), public.owe_v1_call(jsonb), public.has_v1_calls(jsonb), public.take_v1_call(jsonb),
    public.end_v1_call(public.imports, text, text), public.settle_v1_call(jsonb), public.watch_v1_calls(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.keep_sections(jsonb), public.owe_v1_call(jsonb), public.has_v1_calls(jsonb), public.take_v1_call(jsonb),
    public.end_v1_call(public.imports, text, text), public.settle_v1_call(jsonb), public.watch_v1_calls(jsonb)
TO service_role;
