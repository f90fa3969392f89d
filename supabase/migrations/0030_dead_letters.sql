-- Dead letters: which records lie on dead-letter topics, and what was done about each. Records themselves stay on the
-- log; nothing here holds a word of a person.

-- One row a burial. `id` is its dlq_id, or, of a letter that does not say one, follows from where the letter lies.
-- `topic` is the topic of the record, without the prefix of a deployment; the letter lies on the one with .dlq behind it.
-- What stands in headers may be anybody's: what is no id, number or word is null.
--   open      nobody has done anything about it
--   requeued  the record was put on its topic again
--   dropped   a person has said that nothing is to be done
CREATE TABLE public.dead_letters (
    id uuid PRIMARY KEY,
    topic text NOT NULL,
    letter_partition integer NOT NULL,
    letter_offset bigint NOT NULL,
    -- which of the dead-letter topics that there were under this name, one after the other
    generation integer NOT NULL,
    record_partition integer,
    record_offset bigint,
    -- of one that is no UUID a digest
    ce_id uuid,
    import_id uuid,
    user_id uuid,
    run integer,
    chunk_id uuid,
    reason text CHECK (length(reason) <= 64),
    error_class text CHECK (length(error_class) <= 64),
    attempts integer,
    stage text CHECK (length(stage) <= 64),
    -- bytes of its value
    size bigint NOT NULL DEFAULT 0,
    -- how often this event was buried on this topic, this time included
    burial integer NOT NULL DEFAULT 1,
    buried_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'requeued', 'dropped')),
    -- who made the state what it is, why and when
    changed_by text,
    changed_why text,
    changed_at timestamptz
);
CREATE INDEX dead_letters_in_order ON public.dead_letters (topic, letter_partition, letter_offset, id);
CREATE INDEX dead_letters_of_event ON public.dead_letters (ce_id, topic) WHERE ce_id IS NOT NULL;
CREATE INDEX dead_letters_of_import ON public.dead_letters (import_id) WHERE import_id IS NOT NULL;
CREATE INDEX dead_letters_of_user ON public.dead_letters (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX dead_letters_by_time ON public.dead_letters (buried_at);
CREATE INDEX dead_letters_open ON public.dead_letters (topic, letter_partition, letter_offset, id)
    INCLUDE (reason, error_class, generation, burial, buried_at) WHERE state = 'open';

-- How far each partition of each dead-letter topic has been read into dead_letters.
CREATE TABLE public.dead_letter_positions (
    topic text NOT NULL,
    partition integer NOT NULL,
    generation integer NOT NULL DEFAULT 0,
    -- the first letter that there was when it was looked at last; those before it are past retention
    begin_offset bigint NOT NULL DEFAULT 0,
    next_offset bigint NOT NULL DEFAULT 0,
    -- of the last letter that was read, Unix milliseconds: a topic made anew has another one there
    last_timestamp bigint,
    PRIMARY KEY (topic, partition)
);

-- Who did what with what is not theirs, or to what others wait for: nothing is ever changed here.
CREATE TABLE public.audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    who text NOT NULL,
    -- the command: `dead show --text`, `dead requeue`, `dead drop`
    what text NOT NULL,
    subject text NOT NULL,
    why text NOT NULL DEFAULT ''
);
CREATE INDEX audit_of_subject ON public.audit (subject, id);

ALTER TABLE public.dead_letters ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.dead_letters FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.dead_letters TO service_role;
CREATE POLICY services ON public.dead_letters TO service_role USING (true) WITH CHECK (true);

ALTER TABLE public.dead_letter_positions ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.dead_letter_positions FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.dead_letter_positions TO service_role;
CREATE POLICY services ON public.dead_letter_positions TO service_role USING (true) WITH CHECK (true);

ALTER TABLE public.audit ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.audit FROM PUBLIC, anon, authenticated, service_role;
REVOKE ALL ON SEQUENCE public.audit_id_seq FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT, INSERT ON public.audit TO service_role;
CREATE POLICY services ON public.audit TO service_role USING (true) WITH CHECK (true);

-- True of a letter that lies on the log no more: it is past retention, or its topic was made anew.
CREATE FUNCTION public.is_gone(d public.dead_letters, p public.dead_letter_positions) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(d.generation < p.generation OR d.letter_offset < p.begin_offset, false)
$$;

CREATE FUNCTION public.read_dead_letter_positions(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(p ORDER BY p.topic, p.partition), '[]') FROM dead_letter_positions p
$$;

-- Records letters of one partition, and that it was read from `from_offset` to `next_offset`: null if it was read
-- otherwise meanwhile, else how many of them were new. `anew`: what lies there is another topic than before.
CREATE FUNCTION public.record_dead_letters(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a record;
    p dead_letter_positions;
    recorded integer;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        topic text, partition integer, generation integer, from_offset bigint, begin_offset bigint,
        next_offset bigint, last_timestamp bigint, anew boolean, letters jsonb);
    INSERT INTO dead_letter_positions (topic, partition) VALUES (a.topic, a.partition) ON CONFLICT DO NOTHING;
    SELECT * INTO p FROM dead_letter_positions o
        WHERE o.topic = a.topic AND o.partition = a.partition FOR UPDATE;
    IF (p.generation, p.next_offset) <> (a.generation, a.from_offset) THEN
        RETURN 'null';
    END IF;
    p.generation := p.generation + CASE WHEN a.anew THEN 1 ELSE 0 END;
    WITH incoming AS MATERIALIZED (
        SELECT DISTINCT ON (v.id) v.* FROM jsonb_to_recordset(a.letters) AS v(
            id uuid, letter_offset bigint, record_partition integer, record_offset bigint, ce_id uuid,
            import_id uuid, user_id uuid, run integer, chunk_id uuid, reason text, error_class text,
            attempts integer, stage text, size bigint, buried_at timestamptz)
        ORDER BY v.id, v.letter_offset
    ), known AS (
        SELECT n.*, CASE WHEN n.ce_id IS NULL THEN 1 ELSE (
                SELECT count(*) FROM dead_letters o
                WHERE o.ce_id = n.ce_id AND o.topic = a.topic AND o.id NOT IN (SELECT i.id FROM incoming i))
                + row_number() OVER (PARTITION BY n.ce_id ORDER BY n.letter_offset) END AS burial
        FROM incoming n
    ), taken AS (
        INSERT INTO dead_letters AS d (
            id, topic, letter_partition, letter_offset, generation, record_partition, record_offset, ce_id,
            import_id, user_id, run, chunk_id, reason, error_class, attempts, stage, size, burial, buried_at)
        SELECT k.id, a.topic, a.partition, k.letter_offset, p.generation, k.record_partition, k.record_offset, k.ce_id,
               k.import_id, k.user_id, k.run, k.chunk_id, k.reason, k.error_class, k.attempts, k.stage, k.size,
               k.burial, k.buried_at
        FROM known k ORDER BY k.letter_offset
        ON CONFLICT (id) DO UPDATE SET  -- written twice, it is one burial; where it lies now is what counts
            letter_partition = excluded.letter_partition, letter_offset = excluded.letter_offset,
            generation = excluded.generation
            WHERE d.topic = excluded.topic AND d.generation < excluded.generation
        RETURNING (d.xmax = 0) AS fresh
    )
    SELECT count(*) FILTER (WHERE fresh) INTO recorded FROM taken;
    UPDATE dead_letter_positions o SET
            generation = p.generation, begin_offset = a.begin_offset, next_offset = a.next_offset,
            last_timestamp = CASE WHEN a.anew OR a.last_timestamp IS NOT NULL THEN a.last_timestamp
                                  ELSE o.last_timestamp END
        WHERE o.topic = a.topic AND o.partition = a.partition;
    RETURN to_jsonb(recorded);
END
$$;

-- Which letters are asked for, as a condition on dead_letters d with the request as $1: {ids, topic, reason, import_id,
-- user_id, since, state}, each of them optional.
CREATE FUNCTION public.letters_asked(asked jsonb, alias text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(string_agg(replace(c.condition, '@', alias), ' AND '), 'true') FROM (VALUES
        ('ids', '@.id IN (SELECT e::uuid FROM jsonb_array_elements_text($1 -> ''ids'') e)'),
        ('topic', '@.topic = $1 ->> ''topic'''),
        ('reason', '@.reason = $1 ->> ''reason'''),
        ('import_id', '@.import_id = ($1 ->> ''import_id'')::uuid'),
        ('user_id', '@.user_id = ($1 ->> ''user_id'')::uuid'),
        ('since', '@.buried_at >= ($1 ->> ''since'')::timestamptz'),
        ('state', '@.state = ' || quote_literal(asked ->> 'state'))) AS c(name, condition)
    WHERE nullif(asked -> c.name, 'null') IS NOT NULL
$$;

-- The letters that are asked for, counted by topic, reason and class of error, the most open ones first. `again`: of
-- events that were buried before. `led`: whether somebody reads dead-letter topics at present.
CREATE FUNCTION public.list_dead_letters(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp SET statement_timeout = '450s' AS $$
DECLARE
    most CONSTANT integer := (argument ->> 'limit')::integer;
    groups jsonb;
BEGIN
    EXECUTE format($q$
        SELECT coalesce(jsonb_agg(t), '[]') FROM (
            SELECT d.topic, d.reason, d.error_class,
                   count(*) FILTER (WHERE d.state = 'open') AS open,
                   count(*) FILTER (WHERE d.state = 'requeued') AS requeued,
                   count(*) FILTER (WHERE d.state = 'dropped') AS dropped,
                   count(*) FILTER (WHERE d.state = 'open' AND (
                       d.generation < p.generation OR d.letter_offset < p.begin_offset)) AS gone,
                   count(*) FILTER (WHERE d.burial > 1) AS again,
                   min(d.buried_at) AS oldest, max(d.buried_at) AS newest
            FROM dead_letters d
            LEFT JOIN dead_letter_positions p ON p.topic = d.topic AND p.partition = d.letter_partition
            WHERE %s GROUP BY d.topic, d.reason, d.error_class
            ORDER BY 4 DESC, count(*) DESC, d.topic, d.reason, d.error_class LIMIT $2) t
        $q$, letters_asked(argument, 'd')) INTO groups USING argument, most;
    RETURN jsonb_build_object('groups', groups, 'led', EXISTS (
        SELECT FROM leases l WHERE l.name = 'dead_letters' AND l.until > clock_timestamp()));
END
$$;

-- The letters that are asked for, in the order in which they lie, after the key of the one before. `ends`: by topic and
-- partition, the offset before which they must lie.
CREATE FUNCTION public.find_dead_letters(argument jsonb) RETURNS json
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    most CONSTANT integer := (argument ->> 'limit')::integer;
    answer json;
BEGIN
    EXECUTE format($q$
        SELECT coalesce(json_agg(t), '[]') FROM (
            SELECT d.*, is_gone(d, p) AS gone
            FROM dead_letters d
            LEFT JOIN dead_letter_positions p ON p.topic = d.topic AND p.partition = d.letter_partition
            WHERE %s%s%s
            ORDER BY d.topic, d.letter_partition, d.letter_offset, d.id LIMIT $2) t
        $q$, letters_asked(argument, 'd'),
        CASE WHEN nullif(argument -> 'ends', 'null') IS NOT NULL THEN
            ' AND d.letter_offset < (($1 -> ''ends'' -> d.topic) ->> d.letter_partition::text)::bigint' ELSE '' END,
        CASE WHEN nullif(argument -> 'after', 'null') IS NOT NULL THEN
            format(' AND (d.topic, d.letter_partition, d.letter_offset, d.id) > (%L, %L::integer, %L::bigint, %L::uuid)',
                   argument -> 'after' ->> 0, argument -> 'after' ->> 1, argument -> 'after' ->> 2,
                   argument -> 'after' ->> 3)
            ELSE '' END) INTO answer USING argument, most;
    RETURN answer;
END
$$;

-- How many letters are open, by topic and reason, the most first.
CREATE FUNCTION public.count_open_letters(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT d.topic, coalesce(d.reason, '') AS reason, count(*) AS open FROM dead_letters d
        WHERE d.state = 'open' GROUP BY d.topic, d.reason
        ORDER BY count(*) DESC, d.topic, d.reason LIMIT (argument ->> 'limit')::integer) t
$$;

-- Opens an ended run again, or one that is under way still, for these of its chunks, which are dead: as if they had not
-- been read yet. What was made of it meanwhile, and what it joined, is made anew once they are in; until then what is
-- served stays, and nobody is told.
CREATE FUNCTION public.reopen_chunks(i public.imports, indices integer[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    paid CONSTANT jsonb := CASE WHEN i.usage <> '{}' THEN i.usage ELSE extraction_usage(i) END;
    left_over jsonb;
BEGIN
    DELETE FROM chunk_results r
        WHERE r.import_id = i.import_id AND r.run = i.run AND r.chunk_index = ANY (indices) AND r.status = 'dead';
    i.spent_before := '{}';
    left_over := extraction_usage(i);
    UPDATE imports o SET
            (chunks_ok, chunks_dead, chunks_cached) = (
                SELECT count(*) FILTER (WHERE r.status = 'ok'), count(*) FILTER (WHERE r.status = 'dead'),
                       count(*) FILTER (WHERE r.cached)
                FROM chunk_results r WHERE r.import_id = i.import_id AND r.run = i.run),
            usage = '{}', updated_at = now(),
            spent_before = (
                SELECT coalesce(jsonb_object_agg(e.key, CASE WHEN e.value = 'null' THEN e.value ELSE to_jsonb(
                    greatest(0, (e.value #>> '{}')::numeric - coalesce((left_over ->> e.key)::numeric, 0))) END), '{}')
                FROM jsonb_each(paid) e)
        WHERE o.import_id = i.import_id AND o.run = i.run;
    IF i.state IN ('chunking', 'extracting') THEN
        RETURN;
    END IF;
    DELETE FROM memory_outbox m WHERE m.import_id = i.import_id AND m.run = i.run;
    UPDATE imports o SET
            state = CASE WHEN o.chunked_at IS NULL THEN 'chunking' ELSE 'extracting' END, stage = 'extracting',
            progress_percent = least(90, 90.0 * (o.chunks_ok + o.chunks_dead) / greatest(o.chunks_total, 1)),
            reopened_at = now(), reopened_from = CASE WHEN i.state = 'consolidating' THEN o.reopened_from ELSE
                jsonb_build_object('state', i.state, 'unserved', i.unserved, 'coverage', i.coverage) END,
            edition = o.edition + 1, published_at = NULL, finished_at = NULL, error = NULL,
            unserved = NULL, coverage = NULL, redrives = 0, redriven_at = NULL, redriven_done = NULL,
            lease_owner = NULL, lease_until = NULL, updated_at = now()
        WHERE o.import_id = i.import_id AND o.run = i.run;
END
$$;

-- Ends a run that was complete before it was opened again as it was then: what did not come back is dead once more.
CREATE FUNCTION public.close_reopened(i public.imports, why text) RETURNS public.imports
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO chunk_results (import_id, run, chunk_index, chunk_id, user_id, content_hash, status, error)
    SELECT i.import_id, i.run, k, gen_random_uuid(), i.user_id, '', 'dead', 'it was requeued, and ' || why
    FROM generate_series(0, i.chunks_total - 1) k
    WHERE NOT EXISTS (SELECT FROM chunk_results r
                      WHERE r.import_id = i.import_id AND r.run = i.run AND r.chunk_index = k OFFSET 0);
    UPDATE imports o SET
            (chunks_ok, chunks_dead, chunks_cached) = (
                SELECT count(*) FILTER (WHERE r.status = 'ok'), count(*) FILTER (WHERE r.status = 'dead'),
                       count(*) FILTER (WHERE r.cached)
                FROM chunk_results r WHERE r.import_id = i.import_id AND r.run = i.run),
            state = 'complete', error = NULL, stage = CASE WHEN i.reopened_from ->> 'unserved' IS NULL THEN 'complete' ELSE 'unserved' END,
            progress_percent = 100, unserved = i.reopened_from ->> 'unserved',
            coverage = (i.reopened_from ->> 'coverage')::double precision,
            usage = CASE WHEN i.usage <> '{}' THEN i.usage ELSE extraction_usage(i) END,
            published_at = coalesce(o.published_at, now()), finished_at = now(), updated_at = now(),
            lease_owner = NULL, lease_until = NULL
        WHERE o.import_id = i.import_id AND o.run = i.run RETURNING o.* INTO i;
    RETURN i;
END
$$;

-- What is to be done with the run of a letter before its record is put on its topic again, if that is of use at all.
-- Null, and `reopens` says what for: chunk, memory, import, or null (nothing). Else why it is of none:
--   no_run     the database does not know the run
--   foreign    it is another user's
--   elsewhere  it is of another pipeline, or one process runs it
--   cancelled, complete   how it ended
--   newer      the import has a newer run
--   done       the chunk was read since, or is none of the run's
--   outdated   another memory was made of the run since
CREATE FUNCTION public.judge_requeue(
    i public.imports, p_topic text, p_user uuid, p_import uuid, p_run integer, p_index integer, p_edition integer,
    OUT refusal text, OUT reopens text
) LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    base CONSTANT text := (regexp_match(p_topic, '^[a-z]+\.[a-z]+'))[1];
    pipeline CONSTANT text := nullif(substr(p_topic, length(base) + 2), '');
    was text;
BEGIN
    IF base = 'import.received' AND i.import_id IS NULL THEN
        refusal := CASE
            WHEN EXISTS (SELECT FROM imports o WHERE o.import_id = p_import AND o.user_id <> p_user) THEN 'foreign'
            WHEN EXISTS (SELECT FROM imports o
                         WHERE o.import_id = p_import AND o.run > p_run AND o.kind = 'primary') THEN 'newer' END;
        RETURN;
    END IF;
    SELECT r.status INTO was FROM chunk_results r
        WHERE r.import_id = p_import AND r.run = p_run AND r.chunk_index = p_index;
    refusal := CASE
        WHEN i.import_id IS NULL THEN 'no_run'
        WHEN i.user_id <> p_user THEN 'foreign'
        WHEN NOT i.on_log OR pipeline <> i.pipeline THEN 'elsewhere'
        WHEN i.state = 'cancelled' THEN 'cancelled'
        WHEN EXISTS (SELECT FROM imports o
                     WHERE o.import_id = i.import_id AND o.run > i.run AND o.kind = i.kind) THEN 'newer'
        WHEN base IN ('chunks.ready', 'facts.extracted') THEN
            CASE WHEN was = 'ok' OR p_index >= i.chunks_total THEN 'done' END
        WHEN i.state = 'complete' THEN 'complete'
        WHEN base = 'memory.ready' AND (i.state NOT IN ('consolidating', 'failed') OR i.edition <> p_edition)
            THEN 'outdated'
    END;
    reopens := CASE
        WHEN refusal IS NOT NULL THEN NULL
        WHEN base IN ('chunks.ready', 'facts.extracted') THEN
            CASE WHEN was = 'dead' OR i.state NOT IN ('chunking', 'extracting') THEN 'chunk' END
        WHEN i.state = 'failed' AND base = 'memory.ready' THEN 'memory'
        WHEN i.state = 'failed' THEN 'import'
    END;
END
$$;

-- Before records are put on their topics again: {letters: [{id, import_id, user_id, run, kind, index, edition, memory}],
-- force}, which of them must not be, and why; the runs of the others are opened again, so that they find what waits for
-- them. Killed after that, the same may be asked again, and what nobody puts there is driven by whoever looks for runs
-- that stand still. Besides what judge_requeue says: unknown (there is no such letter), requeued, dropped (as it is),
-- again (its event was buried twice, and may be a third time).
CREATE FUNCTION public.take_dead_letters(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET statement_timeout = '450s' AS $$
DECLARE
    most CONSTANT integer := 2;
    l record;
    d dead_letters;
    i imports;
    j record;
    refused jsonb := '[]';
    chunks jsonb := '{}';
    place text;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    PERFORM pg_advisory_xact_lock(hashtextextended(t.import_id::text, 1)) FROM (
        SELECT DISTINCT x.import_id FROM jsonb_to_recordset(argument -> 'letters') AS x(import_id uuid)
        ORDER BY x.import_id OFFSET 0) t;
    PERFORM FROM imports o
        WHERE o.import_id IN (SELECT x.import_id FROM jsonb_to_recordset(argument -> 'letters') AS x(import_id uuid))
        ORDER BY o.import_id, o.run FOR UPDATE;
    FOR l IN
        SELECT * FROM jsonb_to_recordset(argument -> 'letters') AS x(
            id uuid, import_id uuid, user_id uuid, run integer, index integer, edition integer, memory jsonb)
        ORDER BY x.import_id, x.run, x.id
    LOOP
        SELECT * INTO d FROM dead_letters o WHERE o.id = l.id;
        SELECT * INTO i FROM imports o WHERE o.import_id = l.import_id AND o.run = l.run;
        j := judge_requeue(i, d.topic, l.user_id, l.import_id, l.run, l.index, l.edition);
        j.refusal := CASE
            WHEN d.id IS NULL THEN 'unknown'
            WHEN d.state <> 'open' THEN d.state
            WHEN NOT coalesce((argument ->> 'force')::boolean, false) AND d.ce_id IS NOT NULL AND most <= (
                SELECT count(*) FROM dead_letters o WHERE o.ce_id = d.ce_id AND o.topic = d.topic) THEN 'again'
            ELSE j.refusal END;
        IF j.refusal IS NOT NULL THEN
            refused := refused || jsonb_build_object('id', l.id, 'reason', j.refusal);
        ELSIF j.reopens = 'chunk' THEN
            place := l.import_id || ' ' || l.run;
            chunks := jsonb_set(chunks, ARRAY[place], coalesce(chunks -> place, '[]') || to_jsonb(l.index));
        ELSIF j.reopens = 'memory' THEN
            INSERT INTO memory_outbox (import_id, run, memory) VALUES (l.import_id, l.run, l.memory)
                ON CONFLICT (import_id, run) DO UPDATE SET memory = excluded.memory;
            UPDATE imports o SET state = 'consolidating', reopened_at = now(), published_at = now(), finished_at = NULL,
                    error = NULL, redrives = 0, redriven_at = NULL, updated_at = now()
                WHERE o.import_id = l.import_id AND o.run = l.run;
        ELSIF j.reopens = 'import' THEN
            UPDATE imports o SET state = 'received', reopened_at = now(), offered_at = now(), finished_at = NULL,
                    error = NULL, stage = NULL, progress_percent = 0, redrives = 0, redriven_at = NULL, updated_at = now()
                WHERE o.import_id = l.import_id AND o.run = l.run;
        END IF;
    END LOOP;
    FOR l IN
        SELECT split_part(c.key, ' ', 1)::uuid AS import_id, split_part(c.key, ' ', 2)::integer AS run,
               ARRAY(SELECT e::integer FROM jsonb_array_elements_text(c.value) e) AS indices
        FROM jsonb_each(chunks) c
    LOOP
        SELECT * INTO i FROM imports o WHERE o.import_id = l.import_id AND o.run = l.run;
        PERFORM reopen_chunks(i, l.indices);
    END LOOP;
    RETURN refused;
END
$$;

-- Notes of open letters what was done about them: requeued or dropped, by whom and why. Answers which of them were.
CREATE FUNCTION public.settle_dead_letters(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    settled jsonb;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    IF argument ->> 'state' NOT IN ('requeued', 'dropped') THEN
        RAISE EXCEPTION 'a letter is requeued or dropped' USING ERRCODE = 'SP003';
    END IF;
    PERFORM FROM dead_letters d
        WHERE d.id IN (SELECT e::uuid FROM jsonb_array_elements_text(argument -> 'ids') e) ORDER BY d.id FOR UPDATE;
    WITH changed AS (
        UPDATE dead_letters d SET
                state = argument ->> 'state', changed_by = argument ->> 'by', changed_why = argument ->> 'reason',
                changed_at = now()
            WHERE d.id IN (SELECT e::uuid FROM jsonb_array_elements_text(argument -> 'ids') e) AND d.state = 'open'
            RETURNING d.id
    ), told AS (
        INSERT INTO audit (who, what, subject, why)
        SELECT argument ->> 'by', CASE argument ->> 'state' WHEN 'requeued' THEN 'dead requeue' ELSE 'dead drop' END,
               c.id::text, argument ->> 'reason'
        FROM changed c ORDER BY c.id
    )
    SELECT coalesce(jsonb_agg(c.id ORDER BY c.id), '[]') INTO settled FROM changed c;
    RETURN settled;
END
$$;

-- Writes down that somebody does something, before it is done; answers the number of the line.
CREATE FUNCTION public.note_audit(argument jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    n bigint;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    INSERT INTO audit (who, what, subject, why)
    VALUES (argument ->> 'who', argument ->> 'what', argument ->> 'subject', coalesce(argument ->> 'why', ''))
    RETURNING id INTO n;
    RETURN to_jsonb(n);
END
$$;

-- What was written down of a subject, the newest first.
CREATE FUNCTION public.read_audit(argument jsonb) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT a.at, a.who, a.what, a.subject, a.why FROM audit a WHERE a.subject = argument ->> 'subject'
        ORDER BY a.id DESC LIMIT (argument ->> 'limit')::integer) t
$$;

REVOKE ALL ON FUNCTION
    public.is_gone(public.dead_letters, public.dead_letter_positions), public.read_dead_letter_positions(jsonb),
    public.record_dead_letters(jsonb), public.letters_asked(jsonb, text), public.list_dead_letters(jsonb),
    public.find_dead_letters(jsonb), public.count_open_letters(jsonb),
    public.reopen_chunks(public.imports, integer[]), public.close_reopened(public.imports, text),
    public.judge_requeue(public.imports, text, uuid, uuid, integer, integer, integer),
    public.take_dead_letters(jsonb), public.settle_dead_letters(jsonb), public.note_audit(jsonb),
    public.read_audit(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.is_gone(public.dead_letters, public.dead_letter_positions), public.read_dead_letter_positions(jsonb),
    public.record_dead_letters(jsonb), public.letters_asked(jsonb, text), public.list_dead_letters(jsonb),
    public.find_dead_letters(jsonb), public.count_open_letters(jsonb),
    public.reopen_chunks(public.imports, integer[]), public.close_reopened(public.imports, text),
    public.judge_requeue(public.imports, text, uuid, uuid, integer, integer, integer),
    public.take_dead_letters(jsonb), public.settle_dead_letters(jsonb), public.note_audit(jsonb),
    public.read_audit(jsonb)
TO service_role;
