-- Replays: imports that are done again after a change of a prompt, a model or a rule, or since chunks of them are dead
-- or missing. A replay is planned, and then run: for each import a run that takes over what the run before it has, as
-- far as that is still good.

-- One row a plan. `which`: what is done again: of a run its missing or its dead chunks, or both; else all of it.
--   planned   nobody has asked for it to be run
--   running   imports are done one after the other
--   paused    what is under way ends; paused_why says what it waits for
--   stopped   a person has ended it
--   done      of every import it is known what became of it
CREATE TABLE public.replays (
    id uuid PRIMARY KEY,
    ordinal bigint GENERATED ALWAYS AS IDENTITY,
    state text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'running', 'paused', 'stopped', 'done')),
    stage text NOT NULL CHECK (stage IN ('chunks', 'facts', 'memory')),
    which text[] NOT NULL CHECK (which <> '{}' AND (which <@ ARRAY['missing', 'dead'] OR which IN ('{stale}', '{all}'))),
    -- which imports were asked for: users, imports, since, until, model_version, sample
    selection jsonb NOT NULL DEFAULT '{}',
    pipeline text NOT NULL,
    -- what reads chunks at present
    model text NOT NULL,
    prompt_version text NOT NULL,
    -- what it was reckoned to take: {imports, chunks, cached, calls, input_tokens, output_tokens, dollars, seconds}
    figures jsonb NOT NULL DEFAULT '{}',
    planned_by text NOT NULL DEFAULT '',
    planned_at timestamptz NOT NULL DEFAULT now(),
    run_by text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '',
    -- imports a minute
    rate double precision CHECK (rate > 0),
    -- imports after which it waits for a person
    canary integer CHECK (canary > 0),
    max_cost double precision CHECK (max_cost >= 0),
    serve_anyway boolean NOT NULL DEFAULT false,
    -- asked (by a person), canary (its first imports are done), max_cost, unpriced (there is a max_cost, and of what is
    -- left it is not known what it costs), passthrough (every import goes to v1 now)
    paused_why text CHECK (paused_why IN ('asked', 'canary', 'max_cost', 'unpriced', 'passthrough')),
    canary_passed boolean NOT NULL DEFAULT false,
    -- dollars that its runs took that have ended
    spent double precision NOT NULL DEFAULT 0,
    -- who ran, paused, continued and stopped it, and why: {at, by, did, reason}
    changes jsonb NOT NULL DEFAULT '[]',
    started_at timestamptz,
    -- since when it runs without a pause
    resumed_at timestamptz,
    -- when an import of it was begun or ended
    moved_at timestamptz,
    ended_at timestamptz
);
CREATE UNIQUE INDEX replays_in_order ON public.replays (ordinal);
CREATE INDEX replays_at_work ON public.replays (ordinal) WHERE state IN ('running', 'paused');

-- The imports of a replay, in their order, each with what it was reckoned to take and what it took.
--   waiting    it was not begun
--   begun      its run is under way
--   done       its memory is served
--   held       it came out worse, and is kept beside what is served
--   failed     its run failed
--   unserved   it is complete, and something newer is served
--   cancelled  its run was cancelled
--   skipped    it was not begun, and will not be: `why` says what has changed since it was planned
CREATE TABLE public.replay_items (
    replay_id uuid NOT NULL,
    position integer NOT NULL,
    import_id uuid NOT NULL,
    user_id uuid NOT NULL,
    base_run integer NOT NULL,
    run integer,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN (
        'waiting', 'begun', 'done', 'held', 'failed', 'unserved', 'cancelled', 'skipped')),
    why text,
    -- of a run that failed: where
    step text,
    -- chunks that are published anew, and how many of them the cache answers
    chunks integer NOT NULL DEFAULT 0,
    cached integer NOT NULL DEFAULT 0,
    calls integer NOT NULL DEFAULT 0,
    input_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    -- dollars; null: the price is not known
    cost double precision,
    -- the same, of the run once it has ended
    spent double precision,
    calls_made integer,
    begun_at timestamptz,
    ended_at timestamptz,
    PRIMARY KEY (replay_id, position),
    UNIQUE (replay_id, import_id)
);
CREATE INDEX replay_items_begun ON public.replay_items (replay_id) WHERE state = 'begun';
CREATE INDEX replay_items_waiting ON public.replay_items (replay_id, position) WHERE state = 'waiting';
CREATE INDEX replay_items_in_time ON public.replay_items (replay_id, begun_at) WHERE begun_at IS NOT NULL;
CREATE INDEX imports_of_replay ON public.imports (replay_id, import_id) WHERE replay_id IS NOT NULL;

ALTER TABLE public.replays ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.replays FROM PUBLIC, anon, authenticated, service_role;
REVOKE ALL ON SEQUENCE public.replays_ordinal_seq FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.replays TO service_role;
CREATE POLICY services ON public.replays TO service_role USING (true) WITH CHECK (true);

ALTER TABLE public.replay_items ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.replay_items FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.replay_items TO service_role;
CREATE POLICY services ON public.replay_items TO service_role USING (true) WITH CHECK (true);

-- What a chunk that has a result counts as: ok, dead, or missing (it had none when a replay that did other chunks
-- again took its run over; see begin_replay_run).
CREATE FUNCTION public.fate_of(r public.chunk_results) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN r.status = 'ok' THEN 'ok' WHEN r.error LIKE 'missing:%' THEN 'missing' ELSE 'dead' END
$$;

-- As of when a replay of this run counts as requested: right after it, and after the fallback for it; of one that is a
-- replay itself the order of their beginning is enough.
CREATE FUNCTION public.replayed_at(b public.imports) RETURNS timestamptz
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN b.replay_id IS NULL THEN b.requested_at + interval '1 microsecond' ELSE b.requested_at END
$$;

-- Null, or why an import of a replay cannot be done again from its base: gone (that run is not there any more), running
-- (a run of the import is under way), newer (it was imported or replayed since the replay was planned, or another was
-- asked for in the same moment), unread (the base was not read to its end), nothing (no chunk of it is what is asked
-- for). What failed or came out worse before the replay was planned does not stand in its way.
CREATE FUNCTION public.why_not_replayed(r public.replays, x public.replay_items) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    b imports;
BEGIN
    SELECT * INTO b FROM imports o WHERE o.import_id = x.import_id AND o.run = x.base_run AND o.user_id = x.user_id;
    RETURN CASE
        WHEN b.import_id IS NULL THEN 'gone'
        WHEN EXISTS (SELECT FROM imports o WHERE o.import_id = b.import_id AND o.kind = 'primary'
                     AND o.state NOT IN ('complete', 'failed', 'cancelled')) THEN 'running'
        WHEN b.state NOT IN ('complete', 'failed') THEN 'gone'
        WHEN EXISTS (SELECT FROM imports o WHERE o.import_id = b.import_id AND o.kind = 'primary' AND o.run > b.run
                     AND o.pipeline <> 'v1' AND o.state <> 'cancelled'
                     AND (o.begun_at >= r.planned_at OR o.state = 'complete' AND o.unserved IS NULL)) THEN 'newer'
        -- another was asked for in the same moment, as while the database's clock is set back: it must stay newer
        WHEN EXISTS (SELECT FROM imports o
                     WHERE o.user_id = b.user_id AND o.requested_at <= replayed_at(b)
                       AND (o.requested_at, o.ordinal) > (b.requested_at, b.ordinal) AND o.import_id <> b.import_id
                       AND o.kind = 'primary' AND o.state <> 'cancelled' AND NOT is_silent(o)) THEN 'newer'
        WHEN b.chunked_at IS NULL AND r.stage <> 'chunks' AND 'missing' <> ALL (r.which) THEN 'unread'
        WHEN r.stage = 'memory' AND b.chunks_ok + b.chunks_dead < b.chunks_total THEN 'unread'
        WHEN r.which <@ ARRAY['missing', 'dead']
             AND NOT EXISTS (SELECT FROM chunk_results c WHERE c.import_id = b.import_id AND c.run = b.run
                             AND c.status = 'dead' AND fate_of(c) = ANY (r.which))
             AND NOT ('missing' = ANY (r.which) AND (b.chunks_total IS NULL OR b.chunks_total > (
                 SELECT count(*) FROM chunk_results c WHERE c.import_id = b.import_id AND c.run = b.run)))
             THEN 'nothing'
    END;
END
$$;

-- Begins the run of one import of a replay: it takes the place of `base_run` in the order of the user's runs, right
-- after it, so that whatever was asked for later stays newer. It is as if accepted: its event is owed to the log,
-- unless it has all its chunks. Of a base that was read to its end it takes the reading over, and
--   chunks            nothing: the export is read anew, cut as the settings say now
--   facts             of all chunks none; of the missing or the dead ones those that are neither
--   memory            all of them
-- What is missing and not asked for counts as dead, with that reason: a run ends when every chunk has a result.
-- Null, or why nothing was begun, as why_not_replayed has it.
CREATE FUNCTION public.begin_replay_run(r public.replays, x public.replay_items) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    partly CONSTANT boolean := r.which <@ ARRAY['missing', 'dead'];
    takes CONSTANT boolean := r.stage = 'memory' OR partly;
    b imports;
    n imports;
    refusal text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(x.import_id::text, 1));
    PERFORM FROM imports o WHERE o.import_id = x.import_id ORDER BY o.run FOR UPDATE;
    refusal := why_not_replayed(r, x);
    IF refusal IS NOT NULL THEN
        RETURN refusal;
    END IF;
    SELECT * INTO b FROM imports o WHERE o.import_id = x.import_id AND o.run = x.base_run;
    INSERT INTO imports (import_id, run, user_id, pipeline, source, on_log, replaces, requested_at, lineage,
                         profile_format, asked, priority, replay_id, replay_stage, base_run)
    VALUES (b.import_id, (SELECT max(o.run) + 1 FROM imports o WHERE o.import_id = b.import_id), b.user_id, r.pipeline,
            b.source, true, r.serve_anyway, replayed_at(b), b.lineage, b.profile_format,
            b.asked, 'replay', r.id, r.stage, b.run)
    RETURNING * INTO n;
    UPDATE replay_items o SET run = n.run, state = 'begun', begun_at = now()
        WHERE o.replay_id = x.replay_id AND o.position = x.position;
    IF r.stage = 'chunks' AND NOT partly THEN
        RETURN NULL;
    END IF;
    IF takes THEN
        INSERT INTO chunk_results (import_id, run, chunk_index, chunk_id, user_id, content_hash, status, cached,
                                   dropped, unread, usage, error, account, tokens)
        SELECT c.import_id, n.run, c.chunk_index, c.chunk_id, c.user_id, c.content_hash, c.status, true, c.dropped,
               c.unread, NULL, c.error, c.account, c.tokens
        FROM chunk_results c
        WHERE c.import_id = b.import_id AND c.run = b.run AND (r.stage = 'memory' OR fate_of(c) <> ALL (r.which));
        IF partly AND b.chunks_total IS NOT NULL AND 'missing' <> ALL (r.which) THEN
            INSERT INTO chunk_results (import_id, run, chunk_index, chunk_id, user_id, content_hash, status, error)
            SELECT b.import_id, n.run, k, gen_random_uuid(), b.user_id, '', 'dead',
                   'missing: it had no result in run ' || b.run
            FROM generate_series(0, b.chunks_total - 1) k
            WHERE NOT EXISTS (SELECT FROM chunk_results c
                              WHERE c.import_id = b.import_id AND c.run = b.run AND c.chunk_index = k OFFSET 0);
        END IF;
        INSERT INTO facts (import_id, run, fact_id, account, user_id, category, matter, statement, quote, message_ids,
                           conversation_id, stated_at, valid_from, valid_until, confidence, source_kind, chunk_index)
        SELECT f.import_id, n.run, f.fact_id, f.account, f.user_id, f.category, f.matter, f.statement, f.quote,
               f.message_ids, f.conversation_id, f.stated_at, f.valid_from, f.valid_until, f.confidence, f.source_kind,
               f.chunk_index
        FROM facts f
        WHERE f.import_id = b.import_id AND f.run = b.run AND f.account < first_joined()
          -- OFFSET 0 keeps it a probe of the key: joined, all chunks may be read again for each fact
          AND EXISTS (SELECT FROM chunk_results c
                      WHERE c.import_id = n.import_id AND c.run = n.run AND c.chunk_index = f.chunk_index OFFSET 0)
        ORDER BY f.fact_id;
    END IF;
    UPDATE imports o SET
            variant = b.variant, counts = b.counts, breaks = b.breaks, superseded = b.superseded, sample = b.sample,
            accounts = b.accounts, chunks_total = b.chunks_total, chunked_at = b.chunked_at,
            readers = CASE WHEN takes THEN b.readers ELSE '[]' END,
            (chunks_ok, chunks_dead, chunks_cached) = (
                SELECT count(*) FILTER (WHERE c.status = 'ok'), count(*) FILTER (WHERE c.status = 'dead'),
                       count(*) FILTER (WHERE c.cached)
                FROM chunk_results c WHERE c.import_id = n.import_id AND c.run = n.run),
            facts_extracted = (SELECT count(*) FROM facts f WHERE f.import_id = n.import_id AND f.run = n.run)
        WHERE o.import_id = n.import_id AND o.run = n.run RETURNING o.* INTO n;
    IF n.chunks_ok + n.chunks_dead >= n.chunks_total THEN  -- it waits for nobody but whoever consolidates
        UPDATE imports o SET state = 'extracting', offered_at = now()
            WHERE o.import_id = n.import_id AND o.run = n.run;
        PERFORM close_extraction(n.import_id, n.run);
    END IF;
    RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION
    public.fate_of(public.chunk_results), public.replayed_at(public.imports), public.why_not_replayed(public.replays, public.replay_items),
    public.begin_replay_run(public.replays, public.replay_items)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.fate_of(public.chunk_results), public.replayed_at(public.imports), public.why_not_replayed(public.replays, public.replay_items),
    public.begin_replay_run(public.replays, public.replay_items)
TO service_role;
