-- Which pipeline an import goes to: the policy that ops move, what it was before, whom it does not hold for, and what
-- was decided. A share is of 10,000 users.

-- One row. It is read under a lock that a change of it waits for, and that waits for the change: what is decided after
-- a rollback was committed is decided by it.
CREATE TABLE public.routing_policy (
    id boolean PRIMARY KEY DEFAULT true CHECK (id),
    version integer NOT NULL DEFAULT 1,
    mode text NOT NULL DEFAULT 'manual' CHECK (mode IN ('manual', 'auto')),
    -- of users whose imports go to the pipeline that is served, the others' to v1
    share integer NOT NULL DEFAULT 10000 CHECK (share BETWEEN 0 AND 10000),
    -- of users whose imports go to v1 and are compared with what the pipeline that is served makes of them
    shadow integer NOT NULL DEFAULT 0 CHECK (shadow BETWEEN 0 AND 10000),
    -- true: every import goes to v1, whatever else is said
    passthrough boolean NOT NULL DEFAULT false,
    -- true: after a rollback, until a person has thawed it
    frozen boolean NOT NULL DEFAULT false,
    salt text NOT NULL DEFAULT 'canary' CHECK (salt <> ''),
    -- since when share, shadow and passthrough are as they are: what is judged was begun since
    entered_at timestamptz NOT NULL DEFAULT now() CHECK (entered_at BETWEEN '2000-01-01Z' AND '3000-01-01Z'),
    -- what the judge's own thresholds are replaced by, by their names
    thresholds jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(thresholds) = 'object')
        -- numbers that no client reads: neither could the rest of the row be read
        CHECK (NOT thresholds @? '$.** ? (@ > 1e300 || @ < -1e300)'),
    -- since when POST /process-full is deprecated, and when it ends: times that can be told in a header
    deprecated_at timestamptz CHECK (deprecated_at BETWEEN '1970-01-01 00:00Z' AND '9999-01-01 00:00Z'),
    sunset_at timestamptz CHECK (sunset_at BETWEEN coalesce(deprecated_at, '1970-01-01 00:00Z') AND '9999-01-01 00:00Z'),
    changed_by text NOT NULL DEFAULT '',
    changed_at timestamptz NOT NULL DEFAULT now(),
    reason text NOT NULL DEFAULT ''
);
INSERT INTO public.routing_policy (changed_by, reason) VALUES ('soulprint migrate', 'the first');

-- Every policy that there was, and the figures that a judge had before it.
CREATE TABLE public.routing_history (
    version integer PRIMARY KEY,
    policy jsonb NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    reason text NOT NULL,
    figures jsonb
);

-- Users of whom it is said where their imports go.
CREATE TABLE public.routing_overrides (
    user_id uuid PRIMARY KEY,
    lane text NOT NULL CHECK (lane ~ '^v[1-9][0-9]*$'),
    until timestamptz,
    changed_by text NOT NULL DEFAULT '',
    changed_at timestamptz NOT NULL DEFAULT now(),
    reason text NOT NULL DEFAULT ''
);

-- Where each run went, and why: it stays there to its end.
CREATE TABLE public.routing_decisions (
    import_id uuid NOT NULL,
    run integer NOT NULL,
    user_id uuid NOT NULL,
    lane text NOT NULL,
    reason text NOT NULL CHECK (reason IN ('passthrough', 'override', 'explicit', 'share')),
    bucket integer NOT NULL,
    share integer NOT NULL,
    policy_version integer NOT NULL,
    shadow boolean NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (import_id, run)
);
CREATE INDEX routing_decisions_of_v1 ON public.routing_decisions (decided_at) WHERE lane = 'v1';
CREATE INDEX routing_decisions_of_others ON public.routing_decisions (decided_at) WHERE lane <> 'v1';
CREATE INDEX routing_decisions_of_shadows ON public.routing_decisions (decided_at) WHERE shadow;

ALTER TABLE public.routing_policy ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.routing_policy FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.routing_policy TO service_role;
CREATE POLICY services ON public.routing_policy TO service_role USING (true) WITH CHECK (true);

ALTER TABLE public.routing_history ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.routing_history FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.routing_history TO service_role;
CREATE POLICY services ON public.routing_history TO service_role USING (true) WITH CHECK (true);

ALTER TABLE public.routing_overrides ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.routing_overrides FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.routing_overrides TO service_role;
CREATE POLICY services ON public.routing_overrides TO service_role USING (true) WITH CHECK (true);

ALTER TABLE public.routing_decisions ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.routing_decisions FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.routing_decisions TO service_role;
CREATE POLICY services ON public.routing_decisions TO service_role USING (true) WITH CHECK (true);

-- Each change of the policy has a number and a time, and is kept, also one that was made by hand.
CREATE FUNCTION public.number_policy() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN  -- in place of one that was taken away
        NEW.version := coalesce((SELECT max(h.version) FROM routing_history h), 0) + 1;
        RETURN NEW;
    END IF;
    NEW.version := OLD.version + 1;
    NEW.changed_at := clock_timestamp();
    IF (NEW.share, NEW.shadow, NEW.passthrough, NEW.salt)
            IS DISTINCT FROM (OLD.share, OLD.shadow, OLD.passthrough, OLD.salt) THEN
        NEW.entered_at := clock_timestamp();
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER number_policy BEFORE INSERT OR UPDATE ON public.routing_policy
    FOR EACH ROW EXECUTE FUNCTION public.number_policy();

CREATE FUNCTION public.keep_policy() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO routing_history (version, policy, changed_by, changed_at, reason)
    VALUES (NEW.version, to_jsonb(NEW) - 'id', NEW.changed_by, NEW.changed_at, NEW.reason);
    RETURN NULL;
END
$$;
CREATE TRIGGER keep_policy AFTER INSERT OR UPDATE ON public.routing_policy
    FOR EACH ROW EXECUTE FUNCTION public.keep_policy();
INSERT INTO public.routing_history (version, policy, changed_by, changed_at, reason)
SELECT version, to_jsonb(p) - 'id', changed_by, changed_at, reason FROM public.routing_policy p;

-- Who changes the policy stands in line here: of the row alone those who hold it together would always let in one more
-- of their own, and a rollback would wait for as long as imports come.
CREATE FUNCTION public.line_up_to_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('routing_policy', 6));
    RETURN NULL;
END
$$;
CREATE TRIGGER line_up_to_change BEFORE UPDATE OR DELETE ON public.routing_policy
    FOR EACH STATEMENT EXECUTE FUNCTION public.line_up_to_change();

-- The policy, which nobody changes before this transaction ends. One that is not there is made as the last was, whose
-- rollback holds on: to take it away is no way to stop imports, nor to send them anywhere else.
CREATE FUNCTION public.held_policy() RETURNS public.routing_policy
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    p routing_policy;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('routing_policy', 6));
    SELECT * INTO p FROM routing_policy FOR SHARE;
    IF NOT FOUND THEN
        INSERT INTO routing_policy
        SELECT (jsonb_populate_record(NULL::routing_policy, h.policy || jsonb_build_object(
            'id', true, 'changed_at', clock_timestamp(),
            'reason', left('there was none; before: ' || h.reason, 1000)))).*
        FROM routing_history h ORDER BY h.version DESC LIMIT 1
        ON CONFLICT DO NOTHING;
        INSERT INTO routing_policy (reason) VALUES ('there was none') ON CONFLICT DO NOTHING;
        SELECT * INTO p FROM routing_policy FOR SHARE;
    END IF;
    RETURN p;
END
$$;

-- A user's place among 10,000, by a seed.
CREATE FUNCTION public.routing_bucket(seed text, p_user uuid) RETURNS integer
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT (('x' || left(encode(sha256(convert_to(seed || ':' || p_user, 'UTF8')), 'hex'), 15))::bit(60)::bigint
            % 10000)::integer
$$;

-- Where a user's imports go by a policy, and why. The first that holds: everything goes to v1; it is said of this
-- user; it was asked for; the user's place is below the share.
CREATE FUNCTION public.decide_lane(
    p public.routing_policy, p_user uuid, asked_for text, served text,
    OUT lane text, OUT reason text, OUT bucket integer, OUT shadow boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    bucket := routing_bucket(p.salt, p_user);
    SELECT o.lane INTO lane FROM routing_overrides o
        WHERE o.user_id = p_user AND (o.until IS NULL OR o.until > now());
    IF p.passthrough THEN
        lane := 'v1'; reason := 'passthrough';
    ELSIF lane IS NOT NULL THEN
        reason := 'override';
    ELSIF asked_for IS NOT NULL THEN
        lane := asked_for; reason := 'explicit';
    ELSE
        lane := CASE WHEN bucket < p.share THEN served ELSE 'v1' END; reason := 'share';
    END IF;
    shadow := lane = 'v1' AND served <> 'v1' AND NOT p.passthrough
        AND routing_bucket(p.salt || ':shadow', p_user) < p.shadow;
END
$$;

-- Changes the policy: {expected?, changes: {share, shadow, mode, passthrough, frozen, thresholds, deprecated_at,
-- sunset_at}, by, reason, figures?, lease?, owner?}. refusal, with the policy as it is: changed (it is not `expected` any
-- more: who changed it stands in it), frozen (after a rollback nothing but thawing goes on, and another rollback), lease
-- (it is not, or no longer, the owner's: what was seen while it was may be long ago). changed is false where all is as
-- it is to be.
CREATE FUNCTION public.change_policy(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    changes jsonb := (
        SELECT coalesce(jsonb_object_agg(e.key, e.value), '{}') FROM jsonb_each(argument -> 'changes') e
        WHERE e.key IN ('share', 'shadow', 'mode', 'passthrough', 'frozen', 'thresholds', 'deprecated_at', 'sunset_at'));
    p routing_policy;
    n routing_policy;
    refusal text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('routing_policy', 6));
    SELECT * INTO p FROM routing_policy FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM held_policy();
        SELECT * INTO p FROM routing_policy FOR UPDATE;
    END IF;
    n := jsonb_populate_record(p, changes);
    refusal := CASE
        WHEN p.version <> (argument ->> 'expected')::integer THEN 'changed'
        WHEN p.frozen AND n.frozen AND (n.share, n.shadow, n.mode, n.passthrough) IS DISTINCT FROM
                (p.share, p.shadow, p.mode, p.passthrough)
            AND (n.share, n.shadow, n.mode, n.passthrough) IS DISTINCT FROM (0, 0, p.mode, true) THEN 'frozen'
        WHEN argument ->> 'lease' IS NOT NULL AND NOT EXISTS (
            SELECT FROM leases l WHERE l.name = argument ->> 'lease' AND l.owner = argument ->> 'owner'
                AND l.until > clock_timestamp()) THEN 'lease'
    END;
    IF refusal IS NOT NULL OR n IS NOT DISTINCT FROM p THEN
        RETURN jsonb_build_object('refusal', refusal, 'changed', false, 'policy', to_jsonb(p) - 'id');
    END IF;
    UPDATE routing_policy SET
            share = n.share, shadow = n.shadow, mode = n.mode, passthrough = n.passthrough, frozen = n.frozen,
            thresholds = n.thresholds, deprecated_at = n.deprecated_at, sunset_at = n.sunset_at,
            changed_by = coalesce(argument ->> 'by', ''), reason = coalesce(argument ->> 'reason', '')
        RETURNING * INTO n;
    UPDATE routing_history h SET figures = nullif(argument -> 'figures', 'null') WHERE h.version = n.version;
    RETURN jsonb_build_object('refusal', NULL, 'changed', true, 'policy', to_jsonb(n) - 'id');
END
$$;

-- The policy, and what time it is here: the only clock that it is judged by.
CREATE FUNCTION public.read_policy(argument jsonb) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT to_jsonb(held_policy()) - 'id' || jsonb_build_object('now', clock_timestamp())
$$;

-- {limit}: the policies that there were, newest first.
CREATE FUNCTION public.read_policy_history(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT h.version, h.policy, h.changed_by, h.changed_at, h.reason, h.figures FROM routing_history h
        ORDER BY h.version DESC LIMIT (argument ->> 'limit')::integer) t
$$;

-- Says of a user where their imports go, or (lane null) no longer. Runs that are under way stay where they are.
CREATE FUNCTION public.override_routing(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    p_user CONSTANT uuid := (argument ->> 'user_id')::uuid;
BEGIN
    IF argument ->> 'lane' IS NULL THEN
        DELETE FROM routing_overrides o WHERE o.user_id = p_user;
    ELSE
        INSERT INTO routing_overrides AS o (user_id, lane, until, changed_by, reason)
        VALUES (p_user, argument ->> 'lane', (argument ->> 'until')::timestamptz,
                coalesce(argument ->> 'by', ''), coalesce(argument ->> 'reason', ''))
        ON CONFLICT (user_id) DO UPDATE SET lane = excluded.lane, until = excluded.until,
            changed_by = excluded.changed_by, reason = excluded.reason, changed_at = now();
    END IF;
    RETURN (
        SELECT coalesce(jsonb_agg(jsonb_build_object('run', i.import_id || ' ' || i.run, 'pipeline', i.pipeline)), '[]')
        FROM imports i
        WHERE i.user_id = p_user AND i.kind = 'primary' AND i.state NOT IN ('complete', 'failed', 'cancelled'));
END
$$;

-- {limit}: users of whom it is said where their imports go, newest first.
CREATE FUNCTION public.read_overrides(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT o.user_id, o.lane, o.until, o.changed_by, o.changed_at, o.reason
        FROM routing_overrides o WHERE o.until IS NULL OR o.until > now()
        ORDER BY o.changed_at DESC, o.user_id LIMIT (argument ->> 'limit')::integer) t
$$;

-- {users, served}: where the next import of each would go, and why. Nothing is recorded.
CREATE FUNCTION public.explain_routing(argument jsonb) RETURNS json
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(json_build_object(
        'user_id', u.id, 'bucket', d.bucket, 'lane', d.lane, 'reason', d.reason, 'shadow', d.shadow) ORDER BY u.n), '[]')
    FROM held_policy() p,
         ROWS FROM (jsonb_array_elements_text(argument -> 'users')) WITH ORDINALITY AS x(v, n)
         CROSS JOIN LATERAL (SELECT x.v::uuid AS id, x.n) u
         CROSS JOIN LATERAL decide_lane(p, u.id, NULL, argument ->> 'served') d
$$;

-- Adds the shadow run of a run that goes to v1: null, or its key.
CREATE FUNCTION public.add_shadow(i public.imports, p_pipeline text, shadow_id uuid) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF shadow_id IS NULL OR i.kind <> 'primary' OR NOT i.on_log THEN
        RETURN NULL;
    END IF;
    INSERT INTO imports (import_id, run, user_id, pipeline, source, on_log, requested_at, lineage, profile_format,
                         kind, parent_id, asked)
    VALUES (shadow_id, i.run, i.user_id, p_pipeline, i.source, true, i.requested_at, i.lineage, i.profile_format,
            'shadow', i.import_id, i.asked)
    ON CONFLICT (import_id, run) DO NOTHING;
    RETURN jsonb_build_object('import_id', shadow_id, 'run', i.run, 'pipeline', p_pipeline);
END
$$;

-- Decides where a run goes, and records it: what was recorded once holds to the run's end, whatever becomes of the
-- policy. Answers with the runs beside it that are owed. {import_id, run, user_id, source, requested_at, lineage?,
-- kind?, pipeline? (as asked for), served, profile_format, quick_id, shadow_id}: {pipeline, reason (null: it had been
-- decided before, or nothing was), quick, shadow, deprecated_at, sunset_at}.
CREATE FUNCTION public.route_import(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a record;
    i imports;
    p routing_policy;
    d routing_decisions;
    decided record;
    first text;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        import_id uuid, run integer, user_id uuid, source text, requested_at timestamptz, lineage text, kind text,
        pipeline text, served text, profile_format text, quick_id uuid, shadow_id uuid);
    SELECT * INTO i FROM imports n WHERE n.import_id = a.import_id AND n.run = a.run;
    IF NOT FOUND THEN
        i.import_id := a.import_id; i.run := a.run; i.user_id := a.user_id; i.source := a.source;
        i.pipeline := coalesce(a.pipeline, a.served); i.kind := coalesce(a.kind, 'primary');
        i.requested_at := request_time(a.user_id, a.requested_at); i.lineage := a.lineage; i.asked := '{}';
        i.profile_format := a.profile_format; i.on_log := true; i.state := 'received';
        IF EXISTS (SELECT FROM imports n WHERE n.import_id = a.import_id
                   AND (n.user_id <> a.user_id OR n.run > a.run AND n.kind = i.kind)) THEN
            i.state := 'cancelled';  -- it will not be taken: foreign, or older
        END IF;
    END IF;
    p := held_policy();
    IF i.user_id = a.user_id AND i.state = 'received' AND i.kind = 'primary' AND i.replay_id IS NULL THEN
        decided := decide_lane(p, i.user_id, a.pipeline, a.served);
        INSERT INTO routing_decisions (import_id, run, user_id, lane, reason, bucket, share, policy_version, shadow)
        VALUES (i.import_id, i.run, i.user_id, decided.lane, decided.reason, decided.bucket, p.share, p.version,
                decided.shadow)
        ON CONFLICT (import_id, run) DO NOTHING RETURNING reason INTO first;
        -- By a statement of its own: who decided at the same moment was waited for.
        SELECT * INTO d FROM routing_decisions n WHERE n.import_id = i.import_id AND n.run = i.run;
        IF d.user_id = i.user_id THEN
            i.pipeline := d.lane;
        END IF;
    ELSE
        a.quick_id := NULL;  -- another's, or under way: what it was owed it got
    END IF;
    RETURN jsonb_build_object(
        'pipeline', i.pipeline, 'reason', first, 'quick', owe_quick(i, a.quick_id),
        'shadow', CASE WHEN d.shadow AND d.user_id = i.user_id THEN add_shadow(i, a.served, a.shadow_id) END,
        'deprecated_at', p.deprecated_at, 'sunset_at', p.sunset_at);
END
$$;

-- Keeps a run whose event its lane's topic did not take, as if it had just been accepted: whoever offers what the log
-- was not offered offers it, when the topic is there. {import_id, run, user_id, source, requested_at, lineage?, kind?,
-- parent_id?, conversation_count?, message_count?, pipeline, profile_format}: null, or why not: foreign, older, taken.
CREATE FUNCTION public.keep_event(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a record;
    newest imports;
    i imports;
    refusal text;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        import_id uuid, run integer, user_id uuid, source text, requested_at timestamptz, lineage text, kind text,
        parent_id uuid, conversation_count integer, message_count integer, pipeline text, profile_format text);
    PERFORM pg_advisory_xact_lock(hashtextextended(a.import_id::text, 1));
    SELECT * INTO newest FROM imports n WHERE n.import_id = a.import_id ORDER BY n.run DESC LIMIT 1;
    SELECT * INTO i FROM imports n WHERE n.import_id = a.import_id AND n.run = a.run FOR UPDATE;
    refusal := CASE
        WHEN newest.user_id <> a.user_id THEN 'foreign'
        WHEN EXISTS (SELECT FROM imports n
                     WHERE n.import_id = a.import_id AND n.run > a.run AND n.kind = a.kind) THEN 'older'
        WHEN i.state <> 'received' OR NOT i.on_log OR i.pipeline <> a.pipeline THEN 'taken'
    END;
    IF refusal IS NOT NULL THEN
        RETURN jsonb_build_object('refusal', refusal);
    END IF;
    INSERT INTO imports AS o (import_id, run, user_id, pipeline, kind, parent_id, source, requested_at, on_log,
                              profile_format, lineage, asked)
    VALUES (a.import_id, a.run, a.user_id, a.pipeline, coalesce(a.kind, 'primary'), a.parent_id, a.source,
            greatest(request_time(a.user_id, a.requested_at), newest.requested_at), true, a.profile_format, a.lineage,
            jsonb_strip_nulls(jsonb_build_object(
                'conversation_count', a.conversation_count, 'message_count', a.message_count)))
    ON CONFLICT (import_id, run) DO UPDATE SET offered_at = NULL;
    RETURN jsonb_build_object('refusal', NULL);
END
$$;

-- What became of runs that were decided since, and before `until`: {since, until?, limit, stuck_seconds}: newest first,
-- so many of v1, so many of others, and those that are stuck, however long ago they were decided: primary runs of the
-- services. ended_at null: it is under way, `stuck` for longer than that. Cancelled runs are not among them, nor those
-- that were opened again.
-- Each is a probe of the key, among a million, too.
CREATE FUNCTION public.read_outcomes(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    WITH a AS MATERIALIZED (
        SELECT (argument ->> 'since')::timestamptz AS since,
               coalesce((argument ->> 'until')::timestamptz, 'infinity') AS until,
               make_interval(secs => (argument ->> 'stuck_seconds')::double precision) AS stuck,
               (argument ->> 'limit')::integer AS most
    ), newest AS (
        (SELECT d.import_id, d.run FROM routing_decisions d
         WHERE d.lane = 'v1' AND d.decided_at >= (SELECT since FROM a) AND d.decided_at < (SELECT until FROM a)
         ORDER BY d.decided_at DESC LIMIT (SELECT most FROM a))
        UNION
        (SELECT d.import_id, d.run FROM routing_decisions d
         WHERE d.lane <> 'v1' AND d.decided_at >= (SELECT since FROM a) AND d.decided_at < (SELECT until FROM a)
         ORDER BY d.decided_at DESC LIMIT (SELECT most FROM a))
        UNION
        (SELECT i.import_id, i.run FROM imports i
         WHERE i.state NOT IN ('complete', 'failed', 'cancelled') AND i.on_log AND i.kind = 'primary'
           AND i.begun_at >= (SELECT since FROM a) - interval '1 minute'
           AND i.begun_at < clock_timestamp() - (SELECT stuck FROM a)
         LIMIT (SELECT most FROM a))
    )
    SELECT coalesce(json_agg(t ORDER BY t.decided_at DESC), '[]') FROM (
        SELECT d.import_id, d.run, d.lane, d.reason, d.policy_version, d.decided_at, i.begun_at,
               i.state, i.finished_at AS ended_at, coalesce((i.error ->> 'at_fault')::boolean, false) AS at_fault,
               i.error ->> 'step' AS failed_at,
               i.begun_at + a.stuck < coalesce(i.finished_at, clock_timestamp()) AS was_stuck,
               extract(epoch FROM i.finished_at - i.begun_at)::double precision AS seconds,
               i.chunks_total AS chunks, i.chunks_cached AS cached, i.coverage, i.cost,
               (i.counts -> 'conversations' ->> 'kept')::integer AS conversations
        FROM newest n CROSS JOIN a
        CROSS JOIN LATERAL (
            SELECT * FROM routing_decisions o WHERE o.import_id = n.import_id AND o.run = n.run OFFSET 0) d
        CROSS JOIN LATERAL (
            SELECT * FROM imports o WHERE o.import_id = n.import_id AND o.run = n.run OFFSET 0) i
        WHERE d.decided_at >= a.since AND d.decided_at < a.until AND i.user_id = d.user_id
          AND i.kind = 'primary' AND i.replay_id IS NULL AND i.reopened_at IS NULL AND i.state <> 'cancelled') t
$$;

-- What a run made, in figures: no text.
CREATE FUNCTION public.made_of(i public.imports) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT json_build_object(
        'import_id', i.import_id, 'run', i.run, 'pipeline', i.pipeline, 'state', i.state,
        'facts', coalesce((i.fact_counts ->> 'kept')::integer - (i.fact_counts ->> 'superseded')::integer, 0),
        'sections', (SELECT count(*) FROM jsonb_each_text(m.documents) e WHERE e.value <> ''),
        'memory_characters', coalesce(length(m.memory_md), 0),
        'tokens', coalesce((i.usage ->> 'input_tokens')::bigint, 0) + coalesce((i.usage ->> 'output_tokens')::bigint, 0),
        'seconds', extract(epoch FROM i.finished_at - i.begun_at)::double precision, 'cost', i.cost,
        'coverage', i.coverage)
    FROM (SELECT 1) one LEFT JOIN LATERAL (
        SELECT v.documents -> 'markdown' AS documents, v.memory_md, v.version FROM profile_versions v
        WHERE v.user_id = i.user_id AND v.import_id = i.import_id AND v.run = i.run
        UNION ALL
        SELECT s.documents -> 'markdown',
               CASE WHEN s.memory_import_id = i.import_id AND s.memory_run = i.run THEN p.memory_md END,
               9223372036854775807
        FROM served_memories s JOIN user_profiles p ON p.user_id = s.user_id
        WHERE s.user_id = i.user_id AND s.import_id = i.import_id AND s.run = i.run
        ORDER BY version DESC LIMIT 1) m ON true
$$;

-- {since, limit}: runs of v1 and the shadow runs beside them that have both ended, newest first: what each made. They
-- are looked for from the newest on, and figures are made of those alone that are answered.
CREATE FUNCTION public.read_pairs(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    WITH a AS MATERIALIZED (
        SELECT (argument ->> 'since')::timestamptz AS since, (argument ->> 'limit')::integer AS most
    ), pairs AS MATERIALIZED (
        SELECT d.import_id, d.run, d.decided_at, s.import_id AS shadow_id
        FROM (SELECT * FROM routing_decisions o WHERE o.shadow AND o.decided_at >= (SELECT since FROM a)
              ORDER BY o.decided_at DESC OFFSET 0) d
        CROSS JOIN LATERAL (
            SELECT o.user_id FROM imports o WHERE o.import_id = d.import_id AND o.run = d.run
               AND o.state IN ('complete', 'failed') OFFSET 0) i
        CROSS JOIN LATERAL (
            SELECT o.import_id FROM imports o WHERE o.parent_id = d.import_id AND o.run = d.run AND o.kind = 'shadow'
               AND o.priority = 'live' AND o.user_id = i.user_id AND o.state IN ('complete', 'failed') OFFSET 0) s
        ORDER BY d.decided_at DESC LIMIT (SELECT most FROM a)
    )
    SELECT coalesce(json_agg(json_build_object(
        'import_id', t.import_id, 'run', t.run, 'user_id', t.user_id, 'v1', t.one, 'shadow', t.other)
        ORDER BY t.decided_at DESC), '[]')
    FROM (
        SELECT p.import_id, p.run, i.user_id, p.decided_at, made_of(i) AS one, made_of(s) AS other
        FROM pairs p
        JOIN imports i ON i.import_id = p.import_id AND i.run = p.run
        JOIN imports s ON s.import_id = p.shadow_id AND s.run = p.run) t
$$;

-- Runs that a pipeline beside the one that is served makes anew of imports that lie on the log: shadow runs, which stand
-- behind what people wait for.
CREATE INDEX imports_fed ON public.imports (pipeline, ordinal) WHERE kind = 'shadow' AND priority = 'replay';

-- Adds the shadow runs that `pipeline` owes to runs of which events lie on the log: {pipeline, at_once, most, runs:
-- [{import_id, run, user_id, shadow_id}]}: at most so many anew, and no more than `at_once` unfinished in all of that
-- pipeline, one caller after the other. What is added is this caller's to offer for a moment. Of each of `runs` in turn,
-- until there is no room: fed, with the shadow run; owed (it is there, and nobody offers it to the log); known (it is
-- there, or that of a newer run of the import); older (the import has a newer run); unknown (there is no such run, or not
-- yet); foreign (it is another user's); other (not one that was asked for, or that the services drive, or it is of
-- that pipeline itself); cancelled.
CREATE FUNCTION public.feed_runs(argument jsonb) RETURNS json
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    p_pipeline CONSTANT text := argument ->> 'pipeline';
    unfinished bigint;
    room bigint;
    e record;
    i imports;
    s imports;
    outcome text;
    answers json[] := '{}';
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_pipeline, 7));
    SELECT count(*) INTO unfinished FROM imports o
        WHERE o.pipeline = p_pipeline AND o.state NOT IN ('complete', 'failed', 'cancelled');
    room := least((argument ->> 'at_once')::bigint - unfinished, (argument ->> 'most')::bigint);
    FOR e IN
        SELECT (x.r ->> 'import_id')::uuid AS import_id, (x.r ->> 'run')::integer AS run,
               (x.r ->> 'user_id')::uuid AS user_id, (x.r ->> 'shadow_id')::uuid AS shadow_id
        FROM jsonb_array_elements(argument -> 'runs') WITH ORDINALITY AS x(r, n) ORDER BY x.n
    LOOP
        SELECT * INTO i FROM imports o WHERE o.import_id = e.import_id AND o.run = e.run;
        SELECT * INTO s FROM imports o WHERE o.import_id = e.shadow_id ORDER BY o.run DESC LIMIT 1;
        outcome := CASE
            WHEN i.import_id IS NULL THEN 'unknown'
            WHEN i.user_id <> e.user_id OR s.user_id <> e.user_id THEN 'foreign'
            WHEN i.kind <> 'primary' OR i.replay_id IS NOT NULL OR NOT i.on_log OR i.pipeline = p_pipeline OR s.kind <> 'shadow' THEN 'other'
            WHEN i.state = 'cancelled' THEN 'cancelled'
            WHEN s.run = e.run AND s.state = 'received' AND s.offered_at IS NULL
                 AND coalesce(s.relay_until < now(), true) THEN 'owed'
            WHEN s.run >= e.run THEN 'known'
            WHEN EXISTS (SELECT FROM imports o WHERE o.import_id = e.import_id AND o.run > e.run
                         AND o.kind = 'primary' AND o.replay_id IS NULL AND o.state <> 'cancelled') THEN 'older'
            ELSE 'fed' END;
        IF outcome = 'owed' THEN
            UPDATE imports o SET relay_until = now() + interval '30 seconds'
                WHERE o.import_id = s.import_id AND o.run = s.run RETURNING * INTO s;
        ELSIF outcome = 'fed' THEN
            EXIT WHEN room <= 0;
            INSERT INTO imports (import_id, run, user_id, pipeline, source, on_log, requested_at, lineage,
                                 profile_format, kind, parent_id, asked, priority, relay_until)
            VALUES (e.shadow_id, i.run, i.user_id, p_pipeline, i.source, true, i.requested_at, i.lineage,
                    i.profile_format, 'shadow', i.import_id, i.asked, 'replay', now() + interval '30 seconds')
            ON CONFLICT (import_id, run) DO NOTHING RETURNING * INTO s;
            IF FOUND THEN
                room := room - 1;
                unfinished := unfinished + 1;
            ELSE
                outcome := 'known';
            END IF;
        END IF;
        answers := answers || json_build_object('outcome', outcome, 'run', CASE WHEN outcome IN ('fed', 'owed') THEN
            json_build_object(
                'import_id', s.import_id, 'run', s.run, 'user_id', s.user_id, 'source', s.source,
                'requested_at', s.requested_at, 'lineage', s.lineage, 'kind', s.kind, 'parent_id', s.parent_id,
                'pipeline', s.pipeline, 'asked', s.asked, 'priority', s.priority) END);
    END LOOP;
    RETURN json_build_object('unfinished', unfinished, 'answers', answers);
END
$$;

-- {pipeline, since, limit}: runs that were fed to a pipeline since, with those whose events they were fed from, newest
-- first, where both have ended: what each made.
CREATE FUNCTION public.read_fed_pairs(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    WITH pairs AS MATERIALIZED (
        SELECT s.import_id AS shadow_id, s.run, i.import_id, i.user_id, s.ordinal
        FROM imports s
        CROSS JOIN LATERAL (
            SELECT o.* FROM imports o WHERE o.import_id = s.parent_id AND o.run = s.run AND o.user_id = s.user_id
               AND o.state IN ('complete', 'failed') OFFSET 0) i
        WHERE s.kind = 'shadow' AND s.priority = 'replay' AND s.pipeline = argument ->> 'pipeline'
          AND s.state IN ('complete', 'failed') AND s.begun_at >= (argument ->> 'since')::timestamptz
        ORDER BY s.ordinal DESC LIMIT (argument ->> 'limit')::integer
    )
    SELECT coalesce(json_agg(json_build_object(
        'import_id', p.import_id, 'run', p.run, 'user_id', p.user_id, 'v1', made_of(i), 'shadow', made_of(s))
        ORDER BY p.ordinal DESC), '[]')
    FROM pairs p
    JOIN imports i ON i.import_id = p.import_id AND i.run = p.run
    JOIN imports s ON s.import_id = p.shadow_id AND s.run = p.run
$$;

-- {pipeline}: how many runs were fed to a pipeline, by state.
CREATE FUNCTION public.count_fed(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_object_agg(t.state, t.runs), '{}') FROM (
        SELECT s.state, count(*) AS runs FROM imports s
        WHERE s.kind = 'shadow' AND s.priority = 'replay' AND s.pipeline = argument ->> 'pipeline'
        GROUP BY s.state ORDER BY s.state) t
$$;

-- {limit}: how many primary runs are under way, by lane, and how many fallbacks.
CREATE FUNCTION public.read_in_flight(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT i.pipeline AS lane, CASE WHEN i.replay_id IS NULL THEN i.kind ELSE 'replay' END AS kind, count(*) AS runs
        FROM imports i
        WHERE i.state NOT IN ('complete', 'failed', 'cancelled') AND i.on_log
        GROUP BY 1, 2 ORDER BY 1, 2 LIMIT (argument ->> 'limit')::integer) t
$$;

-- Calls back primary runs that are under way on other lanes than v1, oldest first, {limit, reason}: each ends, and its
-- user gets the fallback that a failure would give. A replay is cancelled: what it was to replace stays. Answers their keys: none is left where there are fewer than asked for.
CREATE FUNCTION public.recall_runs(argument jsonb) RETURNS json
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    r record;
    batch bigint[];
    recalled jsonb := '[]';
BEGIN
    -- Rows of runs by import and number, profiles by user: as everybody has them who needs several.
    SELECT array_agg(t.ordinal) INTO batch FROM (
        SELECT i.ordinal FROM imports i
        WHERE i.state NOT IN ('complete', 'failed', 'cancelled') AND i.on_log AND i.kind = 'primary' AND i.pipeline <> 'v1'
        ORDER BY i.ordinal LIMIT (argument ->> 'limit')::integer) t;
    PERFORM hold_runs(t.import_id, t.run) FROM (
        SELECT i.import_id, i.run FROM imports i WHERE i.ordinal = ANY (batch)
        ORDER BY i.import_id, i.run OFFSET 0) t;
    PERFORM FROM imports i WHERE i.ordinal = ANY (batch) ORDER BY i.import_id, i.run FOR UPDATE;
    FOR r IN
        UPDATE imports i SET state = 'cancelled', finished_at = now(), updated_at = now(), lease_owner = NULL,
                lease_until = NULL, error = jsonb_build_object('step', 'recalled', 'message', argument ->> 'reason')
            WHERE i.ordinal = ANY (batch) AND i.replay_id IS NOT NULL AND NOT is_opened_again(i)
              AND i.state NOT IN ('complete', 'failed', 'cancelled')
            RETURNING i.import_id, i.run
    LOOP
        recalled := recalled || jsonb_build_object('import_id', r.import_id, 'run', r.run);
    END LOOP;
    FOR r IN
        SELECT i.import_id, i.run FROM imports i
        WHERE i.ordinal = ANY (batch) AND (i.replay_id IS NULL OR is_opened_again(i))
        ORDER BY i.user_id, i.import_id, i.run
    LOOP
        IF fail_run(jsonb_build_object('import_id', r.import_id, 'run', r.run, 'step', 'recalled',
                                       'error', argument ->> 'reason'))::boolean THEN
            recalled := recalled || jsonb_build_object('import_id', r.import_id, 'run', r.run);
        END IF;
    END LOOP;
    RETURN recalled;
END
$$;

-- Who still calls a route that ends.
CREATE TABLE public.legacy_calls (
    route text NOT NULL,
    user_id uuid NOT NULL,
    calls bigint NOT NULL DEFAULT 1,
    first_at timestamptz NOT NULL DEFAULT now(),
    last_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (route, user_id)
);
ALTER TABLE public.legacy_calls ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.legacy_calls FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.legacy_calls TO service_role;
CREATE POLICY services ON public.legacy_calls TO service_role USING (true) WITH CHECK (true);

-- Counts calls of a route by a user, one if it is not said how many.
CREATE FUNCTION public.note_legacy_call(argument jsonb) RETURNS jsonb
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO legacy_calls AS o (route, user_id, calls)
    VALUES (argument ->> 'route', (argument ->> 'user_id')::uuid, coalesce((argument ->> 'calls')::bigint, 1))
    ON CONFLICT (route, user_id) DO UPDATE SET calls = o.calls + excluded.calls, last_at = now();
    SELECT to_jsonb(true)
$$;

-- {since, limit}: calls of routes that end, by user, the latest first.
CREATE FUNCTION public.read_legacy_calls(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT c.route, c.user_id, c.calls, c.first_at, c.last_at FROM legacy_calls c
        WHERE c.last_at >= (argument ->> 'since')::timestamptz
        ORDER BY c.last_at DESC, c.user_id LIMIT (argument ->> 'limit')::integer) t
$$;

REVOKE ALL ON FUNCTION
    public.number_policy(), public.keep_policy(), public.line_up_to_change(), public.held_policy(), public.routing_bucket(text, uuid),
    public.decide_lane(public.routing_policy, uuid, text, text), public.change_policy(jsonb),
    public.read_policy(jsonb), public.read_policy_history(jsonb), public.override_routing(jsonb),
    public.explain_routing(jsonb), public.add_shadow(public.imports, text, uuid), public.route_import(jsonb),
    public.keep_event(jsonb), public.read_outcomes(jsonb), public.read_pairs(jsonb), public.made_of(public.imports),
    public.feed_runs(jsonb), public.read_fed_pairs(jsonb), public.count_fed(jsonb),
    public.read_in_flight(jsonb), public.recall_runs(jsonb), public.note_legacy_call(jsonb),
    public.read_legacy_calls(jsonb), public.read_overrides(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.held_policy(), public.routing_bucket(text, uuid), public.decide_lane(public.routing_policy, uuid, text, text),
    public.change_policy(jsonb), public.read_policy(jsonb), public.read_policy_history(jsonb),
    public.override_routing(jsonb), public.explain_routing(jsonb), public.add_shadow(public.imports, text, uuid),
    public.route_import(jsonb), public.keep_event(jsonb), public.read_outcomes(jsonb), public.read_pairs(jsonb), public.made_of(public.imports),
    public.feed_runs(jsonb), public.read_fed_pairs(jsonb), public.count_fed(jsonb),
    public.read_in_flight(jsonb), public.recall_runs(jsonb), public.note_legacy_call(jsonb),
    public.read_legacy_calls(jsonb), public.read_overrides(jsonb)
TO service_role;
