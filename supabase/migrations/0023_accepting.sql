-- Taking imports: the one way in. What is accepted is a row in state `received`; its event follows, and where it
-- does not, the relay publishes it from the row.

-- What a client calls a request of its own: asked again under that key it is answered the same, for a day.
CREATE TABLE public.idempotency_keys (
    user_id uuid NOT NULL,
    key text COLLATE "C" NOT NULL,
    -- of the request's body: another body under the same key is a mistake
    digest text NOT NULL,
    reply jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_by_age ON public.idempotency_keys (created_at);

ALTER TABLE public.idempotency_keys ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.idempotency_keys FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.idempotency_keys TO service_role;
CREATE POLICY services ON public.idempotency_keys TO service_role USING (true) WITH CHECK (true);

-- Adds the quick run of a primary run that the services drive, where its user has no sections yet and the app is
-- to show some soon: null, or its key. Its import id is given, since names become ids in one place only.
CREATE FUNCTION public.owe_quick(i public.imports, quick_id uuid) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF quick_id IS NULL OR i.kind <> 'primary' OR i.pipeline = 'v1' OR NOT i.on_log OR i.profile_format <> 'app'
       OR is_served(i.user_id)
       OR EXISTS (SELECT FROM imports n WHERE n.import_id = quick_id AND n.user_id <> i.user_id) THEN
        RETURN NULL;
    END IF;
    INSERT INTO imports (import_id, run, user_id, pipeline, source, on_log, requested_at, lineage, profile_format,
                         kind, parent_id, asked)
    VALUES (quick_id, i.run, i.user_id, 'v1', i.source, true, i.requested_at, i.lineage, i.profile_format,
            'quick', i.import_id, i.asked)
    ON CONFLICT (import_id, run) DO NOTHING;
    RETURN jsonb_build_object('import_id', quick_id, 'run', i.run);
END
$$;

-- Accepts a request: which run it is, in one transaction. The import's newest, where that is unfinished, driven the
-- same way and, if a pipeline or variant is given, of that one, or where the policy would send the next in spite of
-- it; else the next, which waits as `received` for its event. `key`: the same answer is given again for the same `digest`, while it is kept. `again`: the next run is
-- asked for, of what the import was. `per_hour`, `at_once`: how many runs the user may ask for, and have unfinished.
-- What one process was at work on in another variant is cancelled: its chunks could not be told from the new ones.
-- A run that goes on becomes the newest where a newer one is served already: else what is asked for now would
-- come to nothing: it is read from `source`, or, with `keep_source`, from where it was. `replace` is the person's word
-- that much may be lost. Of keys a user has ten an hour for each run they may ask for.
-- refusal, if nothing was taken: key (it was of another body), hourly and unfinished (too many; retry_after says in
-- how many seconds not), running (`again`, and a run is under way), unknown (`again`, and there is none).
CREATE FUNCTION public.accept_import(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a record;
    k idempotency_keys;
    newest imports;
    before imports;
    routed jsonb;
    at_work boolean;  -- a replay, or what was opened again, gives way to what is asked for
    resumed boolean := false;
    outdone boolean;
    refusal text;
    wait double precision;
    answer jsonb;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        import_id uuid, user_id uuid, source text, pipeline text, served text, variant text, on_log boolean,
        replace boolean, lineage text, profile_format text, quick_id uuid, shadow_id uuid, asked jsonb, key text,
        digest text, again boolean, keep_source boolean, per_hour integer, at_once integer);
    IF a.key IS NOT NULL THEN
        -- Whoever has the same key in work is waited for here.
        INSERT INTO idempotency_keys AS o (user_id, key, digest) VALUES (a.user_id, a.key, coalesce(a.digest, ''))
            ON CONFLICT (user_id, key) DO UPDATE SET
                digest = excluded.digest, reply = NULL, created_at = now()
            WHERE o.created_at < now() - interval '24 hours';
        IF NOT FOUND THEN
            SELECT * INTO k FROM idempotency_keys o WHERE o.user_id = a.user_id AND o.key = a.key;
            RETURN CASE WHEN k.digest = coalesce(a.digest, '') THEN k.reply || '{"repeated": true}'
                        ELSE jsonb_build_object('refusal', 'key') END;
        END IF;
    END IF;
    IF coalesce(a.per_hour, a.at_once) IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended(a.user_id::text, 4));
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(a.import_id::text, 1));
    SELECT * INTO newest FROM imports i
        WHERE i.import_id = a.import_id ORDER BY i.run DESC LIMIT 1 FOR UPDATE;
    IF newest.user_id <> a.user_id THEN
        RAISE EXCEPTION 'import % belongs to another user', a.import_id USING ERRCODE = 'SP002';
    END IF;
    a.on_log := coalesce(a.on_log, true);
    at_work := newest.state NOT IN ('complete', 'failed', 'cancelled') AND newest.replay_id IS NULL
        AND NOT is_opened_again(newest);
    IF a.again THEN
        SELECT * INTO before FROM imports i
            WHERE i.import_id = a.import_id AND i.kind = 'primary' ORDER BY i.run DESC LIMIT 1;
        a.source := coalesce(a.source, before.source);
        a.lineage := coalesce(a.lineage, before.lineage);
        a.asked := coalesce(nullif(a.asked, '{}'), before.asked);
        refusal := CASE WHEN before.import_id IS NULL THEN 'unknown'
                        WHEN at_work THEN 'running' END;
    ELSIF at_work THEN
        resumed := newest.pipeline = coalesce(a.pipeline, CASE WHEN a.on_log THEN newest.pipeline ELSE a.served END)
            AND newest.on_log = a.on_log AND coalesce(a.variant, '') IN ('', newest.variant);
        IF NOT resumed AND newest.on_log AND a.on_log AND coalesce(a.variant, '') IN ('', newest.variant) THEN
            -- What is asked for would not be given: the run is where the next would be sent.
            SELECT d.lane = newest.pipeline INTO resumed
                FROM decide_lane(held_policy(), a.user_id, a.pipeline, a.served) d;
        END IF;
    END IF;
    IF NOT resumed AND refusal IS NULL AND a.at_once <= (
        SELECT count(*) FROM imports i
        WHERE i.user_id = a.user_id AND i.on_log AND i.kind = 'primary' AND i.replay_id IS NULL
          AND NOT is_opened_again(i) AND i.state NOT IN ('complete', 'failed', 'cancelled')) THEN
        refusal := 'unfinished';
        wait := 60;
    END IF;
    IF NOT resumed AND refusal IS NULL AND a.per_hour IS NOT NULL THEN
        SELECT extract(epoch FROM i.requested_at + interval '1 hour' - now()) INTO wait FROM imports i
            WHERE i.user_id = a.user_id AND i.on_log AND i.kind = 'primary' AND i.replay_id IS NULL
              AND i.requested_at > now() - interval '1 hour'
            ORDER BY i.requested_at DESC, i.ordinal DESC OFFSET greatest(a.per_hour - 1, 0) LIMIT 1;
        refusal := CASE WHEN FOUND THEN 'hourly' END;
    END IF;
    IF refusal IS NULL AND a.key IS NOT NULL AND 10 * a.per_hour < (
        SELECT count(*) FROM idempotency_keys o
        WHERE o.user_id = a.user_id AND o.created_at > now() - interval '1 hour') THEN
        refusal := 'hourly';
        wait := 600;
    END IF;
    IF refusal IS NOT NULL THEN
        DELETE FROM idempotency_keys o WHERE o.user_id = a.user_id AND o.key = a.key;
        RETURN jsonb_build_object('refusal', refusal, 'retry_after', CASE
            WHEN refusal IN ('hourly', 'unfinished') THEN ceil(least(greatest(wait, 1), 3600)) END);
    END IF;
    IF resumed THEN
        outdone := EXISTS (
            SELECT FROM served_memories p JOIN imports s ON s.import_id = p.import_id AND s.run = p.run
            WHERE p.user_id = a.user_id AND s.kind <> 'quick'  -- which gives way to what it was begun beside
              AND (s.requested_at, s.ordinal) > (newest.requested_at, newest.ordinal));
        UPDATE imports i SET source = CASE WHEN a.keep_source THEN i.source ELSE a.source END,
                replaces = i.replaces OR coalesce(a.replace, false),
                requested_at = CASE WHEN outdone THEN request_time(a.user_id, NULL) ELSE i.requested_at END,
                -- read anew, where chunks are missing: the newer run may have stored its passages instead
                state = CASE WHEN outdone AND i.state = 'extracting' THEN 'chunking' ELSE i.state END,
                updated_at = now()
            WHERE i.import_id = newest.import_id AND i.run = newest.run
            RETURNING i.* INTO newest;
    ELSE
        IF is_opened_again(newest) THEN
            PERFORM close_reopened(newest, 'a newer run was asked for');
        ELSIF newest.state NOT IN ('complete', 'failed', 'cancelled') AND NOT a.on_log THEN
            UPDATE imports i SET state = 'cancelled', finished_at = now(), updated_at = now(),
                    error = jsonb_build_object('step', 'accept_import', 'message', 'begun anew')
                WHERE i.import_id = newest.import_id AND i.run = newest.run;
        END IF;
        INSERT INTO imports (import_id, run, user_id, pipeline, source, variant, on_log, replaces,
                             requested_at, lineage, profile_format, asked)
        VALUES (a.import_id, coalesce(newest.run, 0) + 1, a.user_id, coalesce(a.pipeline, a.served), a.source,
                coalesce(a.variant, ''), a.on_log, coalesce(a.replace, false), request_time(a.user_id, NULL),
                a.lineage, coalesce(a.profile_format, 'markdown'), coalesce(a.asked, '{}'))
        RETURNING * INTO newest;
    END IF;
    IF a.on_log THEN
        routed := route_import(to_jsonb(newest) || jsonb_build_object(
            'pipeline', a.pipeline, 'served', a.served, 'quick_id', a.quick_id, 'shadow_id', a.shadow_id));
        IF newest.pipeline <> routed ->> 'pipeline' THEN
            UPDATE imports i SET pipeline = routed ->> 'pipeline'
                WHERE i.import_id = newest.import_id AND i.run = newest.run RETURNING i.* INTO newest;
        END IF;
    END IF;
    answer := jsonb_build_object(
        'import_id', newest.import_id, 'run', newest.run, 'resumed', resumed, 'requested_at', newest.requested_at,
        'source', newest.source, 'lineage', newest.lineage, 'pipeline', newest.pipeline, 'state', newest.state,
        'kind', newest.kind, 'asked', newest.asked, 'reason', routed -> 'reason', 'quick', routed -> 'quick',
        'shadow', routed -> 'shadow', 'deprecated_at', routed -> 'deprecated_at', 'sunset_at', routed -> 'sunset_at');
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);  -- what is answered must outlive the machine, too
    END IF;
    IF a.key IS NOT NULL THEN
        UPDATE idempotency_keys o SET reply = answer WHERE o.user_id = a.user_id AND o.key = a.key;
    END IF;
    RETURN answer;
END
$$;

-- Takes runs whose event the log was not offered, of any pipeline, those first that nobody has tried, for `lease_seconds`: those
-- accepted `older_than` seconds ago, whom whoever accepted them has had the time to offer. Others that do the same
-- at this moment take others. Keys that are no longer kept go meanwhile.
CREATE FUNCTION public.take_unoffered(argument jsonb) RETURNS json
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    answer json;
BEGIN
    DELETE FROM idempotency_keys o WHERE (o.user_id, o.key) IN (
        SELECT d.user_id, d.key FROM idempotency_keys d
        WHERE d.created_at < now() - interval '24 hours' ORDER BY d.created_at LIMIT 1000 FOR UPDATE SKIP LOCKED);
    WITH due AS (
        SELECT i.import_id, i.run FROM imports i
        WHERE i.state = 'received' AND i.on_log AND i.offered_at IS NULL
          AND i.begun_at < now() - make_interval(secs => (argument ->> 'older_than')::double precision)
          AND (i.relay_until IS NULL OR i.relay_until < now())
        -- what was never tried first: behind a topic that takes nothing the others do not wait
        ORDER BY i.priority, i.relay_until NULLS FIRST, i.requested_at LIMIT (argument ->> 'limit')::integer FOR UPDATE SKIP LOCKED
    ), taken AS (
        UPDATE imports i SET relay_until = now() + make_interval(
                secs => (argument ->> 'lease_seconds')::double precision)
            FROM due d WHERE i.import_id = d.import_id AND i.run = d.run RETURNING i.*
    )
    SELECT json_agg(json_build_object(
        'import_id', import_id, 'run', run, 'user_id', user_id, 'source', source, 'requested_at', requested_at,
        'lineage', lineage, 'kind', kind, 'parent_id', parent_id, 'pipeline', pipeline, 'asked', asked,
        'priority', priority)
        ORDER BY requested_at, ordinal) INTO answer FROM taken;
    RETURN coalesce(answer, '[]');
END
$$;

-- Notes that the log has the events of these runs.
CREATE FUNCTION public.note_offered(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM FROM imports i JOIN jsonb_to_recordset(argument -> 'runs') AS r(import_id uuid, run integer)
        ON i.import_id = r.import_id AND i.run = r.run ORDER BY i.import_id, i.run FOR UPDATE OF i;
    UPDATE imports i SET offered_at = now(), relay_until = NULL
        FROM jsonb_to_recordset(argument -> 'runs') AS r(import_id uuid, run integer)
        WHERE i.import_id = r.import_id AND i.run = r.run AND i.offered_at IS NULL;
    RETURN to_jsonb(true);
END
$$;

-- Forgets what a log was offered that is no more, as one in memory with its process: {}.
CREATE FUNCTION public.forget_offers(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM FROM imports i WHERE i.state = 'received' AND i.on_log
        ORDER BY i.import_id, i.run FOR UPDATE;  -- in the order of note_offered
    UPDATE imports i SET offered_at = NULL, relay_until = NULL
        WHERE i.state = 'received' AND i.on_log AND coalesce(i.offered_at, i.relay_until) IS NOT NULL;
    RETURN to_jsonb(true);
END
$$;

REVOKE ALL ON FUNCTION
    public.owe_quick(public.imports, uuid), public.accept_import(jsonb),
    public.take_unoffered(jsonb), public.note_offered(jsonb), public.forget_offers(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.owe_quick(public.imports, uuid), public.accept_import(jsonb),
    public.take_unoffered(jsonb), public.note_offered(jsonb), public.forget_offers(jsonb)
TO service_role;
