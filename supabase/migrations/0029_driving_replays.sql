-- Running replays: a person starts, pauses, continues and stops one; whoever holds the lease `replay.driver` begins its
-- imports, a few at a time, and notes what becomes of them. All of it is in the tables: whoever drives may die at any
-- point, and another goes on.

-- What an import was reckoned to cost in dollars; null: its price is not known.
CREATE FUNCTION public.reckoned(x public.replay_items) RETURNS double precision
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(x.cost, CASE WHEN x.calls = 0 THEN 0 END)
$$;

-- Why a replay waits where it is not a person that has it wait, or whether it may not begin yet.
CREATE FUNCTION public.is_passed_by(r public.replays) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT r.pipeline <> 'v1' AND EXISTS (SELECT FROM routing_policy p WHERE p.passthrough)
$$;

-- Whether people wait for runs of a pipeline.
CREATE FUNCTION public.has_live_runs(p_pipeline text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM imports i
                   WHERE i.pipeline = p_pipeline AND i.state NOT IN ('complete', 'failed', 'cancelled')
                     AND i.on_log AND i.priority = 'live')
$$;

-- Has a replay be in another state, and notes who did it and why.
CREATE FUNCTION public.turn_replay(
    p_id uuid, p_state text, p_by text, p_did text, p_reason text, p_paused_why text DEFAULT NULL
) RETURNS public.replays
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE replays o SET
            state = p_state, paused_why = p_paused_why,
            resumed_at = CASE WHEN p_state <> 'running' THEN NULL ELSE coalesce(o.resumed_at, now()) END,
            ended_at = CASE WHEN p_state IN ('stopped', 'done') THEN coalesce(o.ended_at, now()) END,
            changes = o.changes || jsonb_build_object('at', now(), 'by', p_by, 'did', p_did, 'reason', p_reason)
        WHERE o.id = p_id RETURNING *
$$;

-- {replay_id, by, reason, rate, canary, max_cost, serve_anyway, dry_run}: has a plan be run; `dry_run`: only says whether
-- that would be. refusal: state (it is no plan any more), moved (what it asks for is more than a tenth more or fewer
-- imports now than when it was planned), passthrough (every import goes to v1 now). Null if there is no such replay.
CREATE FUNCTION public.start_replay(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET statement_timeout = '450s' AS $$
DECLARE
    r replays;
    planned bigint;
    counted bigint;
    refusal text;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    IF coalesce(btrim(argument ->> 'reason'), '') = '' THEN
        RAISE EXCEPTION 'a replay needs a reason' USING ERRCODE = 'SP003';
    END IF;
    SELECT * INTO r FROM replays o WHERE o.id = (argument ->> 'replay_id')::uuid FOR UPDATE;
    IF r.id IS NULL THEN
        RETURN NULL;
    END IF;
    planned := (SELECT count(*) FROM replay_items x WHERE x.replay_id = r.id);
    IF r.state = 'planned' THEN
        counted := count_selected(r);
    END IF;
    refusal := CASE WHEN r.state <> 'planned' THEN 'state'
                    WHEN abs(counted - planned) > 0.1 * planned THEN 'moved'
                    WHEN is_passed_by(r) THEN 'passthrough' END;
    IF refusal IS NULL AND NOT coalesce((argument ->> 'dry_run')::boolean, false) THEN
        UPDATE replays o SET
                run_by = coalesce(argument ->> 'by', ''), reason = argument ->> 'reason',
                rate = (argument ->> 'rate')::double precision, canary = (argument ->> 'canary')::integer,
                max_cost = (argument ->> 'max_cost')::double precision,
                serve_anyway = coalesce((argument ->> 'serve_anyway')::boolean, false), started_at = now()
            WHERE o.id = r.id;
        r := turn_replay(r.id, CASE planned WHEN 0 THEN 'done' ELSE 'running' END, argument ->> 'by', 'run',
                         argument ->> 'reason');
    END IF;
    RETURN jsonb_build_object('refusal', refusal, 'state', r.state, 'planned', planned, 'counted', counted);
END
$$;

-- {replay_id, by, reason}: nothing more is begun, and what is under way ends. refusal: state (it does not run).
CREATE FUNCTION public.pause_replay(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    r replays;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    SELECT * INTO r FROM replays o WHERE o.id = (argument ->> 'replay_id')::uuid FOR UPDATE;
    IF r.id IS NULL THEN
        RETURN NULL;
    ELSIF r.state = 'running' THEN
        r := turn_replay(r.id, 'paused', argument ->> 'by', 'pause', argument ->> 'reason', 'asked');
    ELSIF r.state <> 'paused' THEN
        RETURN jsonb_build_object('refusal', 'state', 'state', r.state);
    END IF;
    RETURN jsonb_build_object('refusal', NULL, 'state', r.state);
END
$$;

-- {replay_id, by, reason, max_cost, lift}: goes on with one that is paused; of one that runs it only sets what it may
-- cost. `lift`: whatever it costs. refusal: state (it neither runs nor is paused), passthrough (every import goes to v1
-- still), max_cost (it is at its limit, and this is none above it).
CREATE FUNCTION public.continue_replay(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    r replays;
    lift CONSTANT boolean := coalesce((argument ->> 'lift')::boolean, false);
    allowed double precision := (argument ->> 'max_cost')::double precision;
    refusal text;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    SELECT * INTO r FROM replays o WHERE o.id = (argument ->> 'replay_id')::uuid FOR UPDATE;
    IF r.id IS NULL THEN
        RETURN NULL;
    END IF;
    refusal := CASE
        WHEN r.state NOT IN ('running', 'paused') THEN 'state'
        WHEN r.state = 'paused' AND is_passed_by(r) THEN 'passthrough'
        WHEN r.paused_why IN ('max_cost', 'unpriced') AND NOT lift
             AND coalesce(allowed <= r.max_cost OR r.paused_why = 'unpriced', true) THEN 'max_cost'
    END;
    IF refusal IS NULL THEN
        UPDATE replays o SET
                max_cost = CASE WHEN NOT lift THEN coalesce(allowed, o.max_cost) END,
                canary_passed = o.canary_passed OR coalesce(o.paused_why = 'canary', false)
            WHERE o.id = r.id;
        IF r.state = 'paused' OR lift OR allowed IS NOT NULL THEN
            r := turn_replay(r.id, 'running', argument ->> 'by', 'continue', argument ->> 'reason');
        END IF;
    END IF;
    RETURN jsonb_build_object('refusal', refusal, 'state', r.state);
END
$$;

-- Notes what became of those imports of a replay whose runs have ended: how many there were.
CREATE FUNCTION public.settle_replay(p_id uuid) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    settled integer;
    took double precision;
BEGIN
    WITH ended AS MATERIALIZED (
        SELECT x.position, i.state, i.unserved, i.error, i.finished_at,
               CASE WHEN u.cost IS NULL AND u.calls = 0 THEN 0 ELSE u.cost END AS cost, u.calls
        FROM replay_items x
        LEFT JOIN LATERAL (SELECT * FROM imports n WHERE n.import_id = x.import_id AND n.run = x.run OFFSET 0) i ON true
        LEFT JOIN LATERAL (
            SELECT o.cost, o.calls FROM run_usage o WHERE o.import_id = i.import_id AND o.run = i.run) u ON true
        WHERE x.replay_id = p_id AND x.state = 'begun'
          AND (i.import_id IS NULL OR i.state IN ('complete', 'failed', 'cancelled'))
    ), noted AS (
        UPDATE replay_items x SET
                state = CASE WHEN e.state IS NULL THEN 'cancelled'
                             WHEN e.state <> 'complete' THEN e.state
                             WHEN e.unserved IS NULL THEN 'done'
                             WHEN e.unserved IN ('held', 'smaller') THEN 'held'
                             ELSE 'unserved' END,
                why = CASE WHEN e.state IS NULL THEN 'gone' ELSE coalesce(e.unserved, e.error ->> 'message') END,
                step = CASE e.state WHEN 'failed' THEN e.error ->> 'step' END,
                spent = e.cost, calls_made = least(e.calls, 2147483647), ended_at = coalesce(e.finished_at, now())
            FROM ended e WHERE x.replay_id = p_id AND x.position = e.position
            RETURNING coalesce(x.spent, reckoned(x), 0) AS took
    )
    SELECT count(*), coalesce(sum(n.took), 0) INTO settled, took FROM noted n;
    IF settled > 0 THEN
        UPDATE replays o SET spent = o.spent + took, moved_at = now() WHERE o.id = p_id;
    END IF;
    RETURN settled;
END
$$;

-- Ends the unfinished runs of a replay, of all (`overtaken` false), or of those imports of which a newer run was asked
-- for: whether or not that was taken up, no result of theirs counts any more. How many there were.
CREATE FUNCTION public.cancel_replay_runs(p_id uuid, overtaken boolean, p_why text) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    cancelled integer;
BEGIN
    WITH held AS MATERIALIZED (  -- in the order of record_chunks
        SELECT i.import_id, i.run FROM replay_items x
        JOIN imports i ON i.import_id = x.import_id AND i.run = x.run
        WHERE x.replay_id = p_id AND x.state = 'begun' AND i.state NOT IN ('complete', 'failed', 'cancelled')
          AND (NOT overtaken OR EXISTS (
              SELECT FROM imports o WHERE o.import_id = i.import_id AND o.run > i.run AND o.kind = i.kind))
        ORDER BY i.import_id, i.run FOR UPDATE OF i
    )
    UPDATE imports i SET
            state = 'cancelled', finished_at = now(), updated_at = now(), lease_owner = NULL, lease_until = NULL,
            error = jsonb_build_object('step', 'replay', 'message', p_why)
        FROM held h WHERE i.import_id = h.import_id AND i.run = h.run
          AND i.state NOT IN ('complete', 'failed', 'cancelled');
    GET DIAGNOSTICS cancelled = ROW_COUNT;
    RETURN cancelled;
END
$$;

-- {replay_id, by, reason}: ends a replay. What is under way is cancelled, what waits is skipped, what was served stays.
-- A plan that was never run is given up. refusal: state (it is done).
CREATE FUNCTION public.stop_replay(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET statement_timeout = '450s' AS $$
DECLARE
    r replays;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    SELECT * INTO r FROM replays o WHERE o.id = (argument ->> 'replay_id')::uuid FOR UPDATE;
    IF r.id IS NULL THEN
        RETURN NULL;
    ELSIF r.state = 'done' THEN
        RETURN jsonb_build_object('refusal', 'state', 'state', r.state);
    ELSIF r.state <> 'stopped' THEN
        PERFORM cancel_replay_runs(r.id, false, 'the replay was stopped');
        PERFORM settle_replay(r.id);
        UPDATE replay_items x SET state = 'skipped', why = 'stopped', ended_at = now()
            WHERE x.replay_id = r.id AND x.state = 'waiting';
        r := turn_replay(r.id, 'stopped', argument ->> 'by', 'stop', argument ->> 'reason');
    END IF;
    RETURN jsonb_build_object('refusal', NULL, 'state', r.state);
END
$$;

-- How many imports of a replay may be begun now, as far as its rate says: over a minute no more than that.
CREATE FUNCTION public.rate_allows(r public.replays) RETURNS integer
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN r.rate IS NULL THEN 1000 ELSE (
        SELECT floor(least(1e6, greatest(1, r.rate * extract(epoch FROM now() - w.since) / 60)))::integer - (
            SELECT count(*) FROM replay_items x WHERE x.replay_id = r.id AND x.begun_at > w.since AND x.begun_at <= now())::integer
        -- what lies in the future is of a clock that was set back since
        FROM (SELECT greatest(least(r.resumed_at, now()), now() - make_interval(secs => greatest(60, 60 / r.rate))) AS since) w) END
$$;

-- Begins the next import of a replay that runs, as far as rate, canary and cost allow; has it pause or end where there is
-- cause. Skips those that cannot be done again, some at a time.
-- {moved, locked, begun}: whether anything changed; whether runs were locked, so that no more may be in this
-- transaction; and the run, if one was begun.
CREATE FUNCTION public.begin_next(r public.replays) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    looks CONSTANT integer := 200;
    x replay_items;
    i imports;
    refusal text;
    free double precision;  -- dollars that may still be spent
    reserved double precision;
    begun integer;
    moved boolean := false;
    found_one boolean := false;
BEGIN
    IF NOT EXISTS (SELECT FROM replay_items o WHERE o.replay_id = r.id AND o.state = 'waiting') THEN
        IF NOT EXISTS (SELECT FROM replay_items o WHERE o.replay_id = r.id AND o.state = 'begun') THEN
            PERFORM turn_replay(r.id, 'done', '', 'done', NULL);
            RETURN '{"moved": true}';
        END IF;
        RETURN '{}';
    ELSIF r.state <> 'running' THEN
        RETURN '{}';
    ELSIF is_passed_by(r) THEN
        PERFORM turn_replay(r.id, 'paused', '', 'pause', NULL, 'passthrough');
        RETURN '{"moved": true}';
    END IF;
    SELECT count(*), coalesce(sum(reckoned(o)), 0) INTO begun, reserved FROM replay_items o
        WHERE o.replay_id = r.id AND o.state = 'begun';
    IF r.canary IS NOT NULL AND NOT r.canary_passed AND r.canary <= (
        SELECT count(*) FROM (SELECT FROM replay_items o WHERE o.replay_id = r.id AND o.begun_at IS NOT NULL
                              LIMIT r.canary) o) THEN
        IF begun = 0 THEN
            PERFORM turn_replay(r.id, 'paused', '', 'pause', NULL, 'canary');
            RETURN '{"moved": true}';
        END IF;
        RETURN '{}';
    END IF;
    free := r.max_cost - r.spent + 1e-9;
    IF r.max_cost IS NOT NULL AND NOT EXISTS (
        SELECT FROM replay_items o WHERE o.replay_id = r.id AND o.state = 'waiting' AND reckoned(o) <= free) THEN
        PERFORM turn_replay(r.id, 'paused', '', 'pause', NULL, CASE WHEN EXISTS (
            SELECT FROM replay_items o WHERE o.replay_id = r.id AND o.state = 'waiting' AND reckoned(o) IS NOT NULL)
            THEN 'max_cost' ELSE 'unpriced' END);
        RETURN '{"moved": true}';
    END IF;
    IF rate_allows(r) < 1 THEN
        RETURN '{}';
    END IF;
    FOR x IN
        SELECT * FROM replay_items o
        WHERE o.replay_id = r.id AND o.state = 'waiting' AND (r.max_cost IS NULL OR reckoned(o) <= free - reserved)
        ORDER BY o.position LIMIT looks
    LOOP
        refusal := why_not_replayed(r, x);
        IF refusal IS NULL THEN
            found_one := true;
            refusal := begin_replay_run(r, x);
        END IF;
        IF refusal IS NOT NULL THEN
            UPDATE replay_items o SET state = 'skipped', why = refusal, ended_at = now()
                WHERE o.replay_id = r.id AND o.position = x.position;
        END IF;
        moved := true;
        EXIT WHEN found_one;
    END LOOP;
    IF moved THEN
        UPDATE replays o SET moved_at = now() WHERE o.id = r.id;
    END IF;
    IF found_one AND refusal IS NULL THEN
        SELECT * INTO i FROM imports o WHERE o.import_id = x.import_id AND o.replay_id = r.id ORDER BY o.run DESC LIMIT 1;
    END IF;
    RETURN jsonb_build_object('moved', moved, 'locked', found_one, 'begun', CASE WHEN i.import_id IS NOT NULL THEN
        jsonb_build_object(  -- as take_unoffered has it
            'import_id', i.import_id, 'run', i.run, 'user_id', i.user_id, 'source', i.source,
            'requested_at', i.requested_at, 'lineage', i.lineage, 'kind', i.kind, 'parent_id', i.parent_id,
            'pipeline', i.pipeline, 'asked', i.asked, 'priority', i.priority, 'ready', is_complete_run(i)) END);
END
$$;

-- {owner}: one step of whoever drives replays: what has ended is noted, and at most one run begun, of the oldest replay
-- that may have one. Few are under way at a time, fewer still while people wait for runs in that pipeline.
-- leads: false if the lease is not the owner's; busy: whether anything is under way; moved: whether anything changed, so
-- that there may be more to do at once; begun: the run that was.
CREATE FUNCTION public.advance_replays(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET statement_timeout = '450s' AS $$
DECLARE
    beside_live CONSTANT integer := 2;
    alone CONSTANT integer := 8;
    p_id uuid;
    r replays;
    step jsonb := '{}';
    moved boolean := false;
    busy boolean := false;
BEGIN
    IF NOT EXISTS (SELECT FROM leases l WHERE l.name = 'replay.driver' AND l.owner = argument ->> 'owner'
                   AND l.until > clock_timestamp()) THEN
        RETURN '{"leads": false, "busy": false, "moved": false, "begun": null}';
    END IF;
    PERFORM set_config('synchronous_commit', 'on', true);  -- the log must not know of a run that is lost here
    FOR p_id IN SELECT o.id FROM replays o WHERE o.state IN ('running', 'paused') ORDER BY o.ordinal
    LOOP
        SELECT * INTO r FROM replays o WHERE o.id = p_id AND o.state IN ('running', 'paused') FOR UPDATE;
        CONTINUE WHEN NOT FOUND;
        IF cancel_replay_runs(p_id, true, 'a newer run was asked for') > 0 THEN
            PERFORM settle_replay(p_id);
            RETURN '{"leads": true, "busy": true, "moved": true, "begun": null}';  -- runs are locked
        ELSIF settle_replay(p_id) > 0 THEN
            moved := true;
            SELECT * INTO r FROM replays o WHERE o.id = p_id;
        END IF;
        IF (SELECT count(*) FROM replay_items x JOIN replays o ON o.id = x.replay_id
            WHERE x.state = 'begun' AND o.pipeline = r.pipeline)
           < (CASE WHEN has_live_runs(r.pipeline) THEN beside_live ELSE alone END) THEN
            step := begin_next(r);
            moved := moved OR coalesce((step ->> 'moved')::boolean, false);
        END IF;
        busy := busy OR r.state = 'running' OR EXISTS (
            SELECT FROM replay_items x WHERE x.replay_id = p_id AND x.state = 'begun');
        EXIT WHEN coalesce((step ->> 'locked')::boolean, false);
    END LOOP;
    RETURN jsonb_build_object('leads', true, 'busy', busy OR moved, 'moved', moved,
                              'begun', nullif(step -> 'begun', 'null'));
END
$$;

-- When a replay moved last: an import of it was begun or ended, or a chunk of one came in. That a run was driven again
-- is no movement.
CREATE FUNCTION public.last_moved(r public.replays) RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT greatest(r.started_at, r.resumed_at, r.moved_at, (
        SELECT max(i.updated_at) FROM replay_items x JOIN imports i ON i.import_id = x.import_id AND i.run = x.run
        WHERE x.replay_id = r.id AND x.state = 'begun' AND i.updated_at IS DISTINCT FROM i.redriven_at))
$$;

-- What is held of a replay, and still is: a person may have accepted it since.
CREATE FUNCTION public.state_now(x public.replay_items) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN x.state = 'held' AND EXISTS (
        SELECT FROM imports i WHERE i.import_id = x.import_id AND i.run = x.run AND i.unserved IS NULL)
        THEN 'done' ELSE x.state END
$$;

-- {replay_id, limit}: how a replay fares: it, its imports by state, failures by step, skipped ones by reason, what was
-- reckoned and taken, what is under way, held and failed (`limit` of each), and whether anybody drives. Null if there is
-- no such replay.
CREATE FUNCTION public.read_replay_progress(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp SET statement_timeout = '450s' AS $$
DECLARE
    r replays;
BEGIN
    SELECT * INTO r FROM replays o WHERE o.id = (argument ->> 'replay_id')::uuid;
    IF r.id IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN (
        WITH items AS MATERIALIZED (
            SELECT x.*, state_now(x) AS now FROM replay_items x WHERE x.replay_id = r.id
        ), shown AS (
            SELECT s.*, row_number() OVER (PARTITION BY s.now ORDER BY s.position) AS n FROM items s
            WHERE s.now IN ('begun', 'held', 'failed')
        )
        SELECT jsonb_build_object(
            'replay_id', r.id, 'state', r.state, 'stage', r.stage, 'which', r.which, 'pipeline', r.pipeline,
            'reason', r.reason, 'run_by', r.run_by, 'rate', r.rate, 'canary', r.canary,
            'canary_passed', r.canary_passed, 'max_cost', r.max_cost, 'serve_anyway', r.serve_anyway,
            'paused_why', r.paused_why, 'changes', r.changes,
            'planned_at', r.planned_at, 'started_at', r.started_at, 'ended_at', r.ended_at,
            'moved_at', CASE WHEN r.started_at IS NOT NULL THEN last_moved(r) END, 'now', clock_timestamp(),
            'items', (SELECT coalesce(jsonb_object_agg(t.now, t.n), '{}') FROM (
                SELECT s.now, count(*) AS n FROM items s GROUP BY s.now) t),
            'failed_at', (SELECT coalesce(jsonb_object_agg(t.step, t.n), '{}') FROM (
                SELECT coalesce(s.step, '') AS step, count(*) AS n FROM items s WHERE s.now = 'failed' GROUP BY 1) t),
            'skipped', (SELECT coalesce(jsonb_object_agg(t.why, t.n), '{}') FROM (
                SELECT coalesce(s.why, '') AS why, count(*) AS n FROM items s WHERE s.now = 'skipped' GROUP BY 1) t),
            'figures', r.figures, 'spent', r.spent,
            'unpriced', (SELECT count(*) FROM items s WHERE s.ended_at IS NOT NULL AND s.run IS NOT NULL AND s.spent IS NULL),
            'reserved', (SELECT coalesce(sum(coalesce(s.cost, 0)), 0) FROM items s WHERE s.now = 'begun'),
            'calls_made', (SELECT coalesce(sum(s.calls_made), 0) FROM items s),
            'shown', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'import_id', s.import_id, 'user_id', s.user_id, 'run', s.run, 'state', s.now, 'why', s.why,
                'step', s.step, 'chunks', s.chunks) ORDER BY s.position), '[]')
                FROM shown s WHERE s.n <= (argument ->> 'limit')::integer),
            'live', has_live_runs(r.pipeline),
            'driven', EXISTS (SELECT FROM leases l WHERE l.name = 'replay.driver' AND l.until > clock_timestamp())));
END
$$;

-- {days}: what whoever drives shows of all replays that run, are paused, or ended since so many days: how many run and
-- are paused and why, imports by state, dollars, and how long the one stands still that does so longest.
CREATE FUNCTION public.read_replay_figures(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp SET statement_timeout = '450s' AS $$
    WITH shown AS MATERIALIZED (
        SELECT o.*, o.state IN ('running', 'paused') AS at_work FROM replays o
        WHERE o.state IN ('running', 'paused')
           OR o.ended_at > now() - make_interval(days => (argument ->> 'days')::integer) AND o.started_at IS NOT NULL
    )
    SELECT jsonb_build_object(
        'running', (SELECT count(*) FROM shown s WHERE s.state = 'running'),
        'paused', (SELECT coalesce(jsonb_object_agg(t.paused_why, t.n), '{}') FROM (
            SELECT s.paused_why, count(*) AS n FROM shown s WHERE s.state = 'paused' GROUP BY 1) t),
        'items', (SELECT coalesce(jsonb_object_agg(t.now, t.n), '{}') FROM (
            SELECT state_now(x) AS now, count(*) AS n FROM shown s JOIN replay_items x ON x.replay_id = s.id
            GROUP BY 1) t),
        'spent', (SELECT coalesce(sum(s.spent), 0) FROM shown s WHERE s.at_work),
        'still_seconds', (SELECT coalesce(max(greatest(extract(epoch FROM now() - last_moved(o)), 0)), 0)
                          FROM shown s JOIN replays o ON o.id = s.id WHERE s.state = 'running'))
$$;

REVOKE ALL ON FUNCTION
    public.reckoned(public.replay_items), public.is_passed_by(public.replays), public.has_live_runs(text),
    public.turn_replay(uuid, text, text, text, text, text), public.start_replay(jsonb), public.pause_replay(jsonb),
    public.continue_replay(jsonb), public.settle_replay(uuid), public.cancel_replay_runs(uuid, boolean, text),
    public.stop_replay(jsonb), public.rate_allows(public.replays), public.begin_next(public.replays),
    public.advance_replays(jsonb), public.last_moved(public.replays), public.state_now(public.replay_items),
    public.read_replay_progress(jsonb), public.read_replay_figures(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.reckoned(public.replay_items), public.is_passed_by(public.replays), public.has_live_runs(text),
    public.turn_replay(uuid, text, text, text, text, text), public.start_replay(jsonb), public.pause_replay(jsonb),
    public.continue_replay(jsonb), public.settle_replay(uuid), public.cancel_replay_runs(uuid, boolean, text),
    public.stop_replay(jsonb), public.rate_allows(public.replays), public.begin_next(public.replays),
    public.advance_replays(jsonb), public.last_moved(public.replays), public.state_now(public.replay_items),
    public.read_replay_progress(jsonb), public.read_replay_figures(jsonb)
TO service_role;
