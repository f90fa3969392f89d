-- What a user's profile shows: what is served, and how the newest run fares. Where the app's table stands
-- already, it gets what it lacks and keeps what it has; the types and defaults are the app's. A block that
-- decides for itself says by a notice which statements it ran: `soulprint migrate --plan` lists them.
SELECT set_config('soulprint.adopting', (to_regclass('public.user_profiles') IS NOT NULL)::text, true);
CREATE TABLE IF NOT EXISTS public.user_profiles (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL UNIQUE
);
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS soul_md text;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS identity_md text;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS user_md text;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS agents_md text;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS tools_md text;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS memory_md text;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS soulprint_text text;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS import_status text DEFAULT 'none'
    CHECK (import_status IN ('none', 'quick_ready', 'processing', 'complete', 'locked', 'failed'));
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS import_error text;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS import_stage text;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS progress_percent integer DEFAULT 0;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS processing_started_at timestamptz;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS full_pass_status text DEFAULT 'pending'
    CHECK (full_pass_status IN ('pending', 'processing', 'complete', 'failed'));
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS full_pass_started_at timestamptz;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS full_pass_completed_at timestamptz;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS full_pass_error text;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS created_at timestamptz DEFAULT now();
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS updated_at timestamptz DEFAULT now();
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS ai_name text;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS archetype text;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS storage_path text;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS file_type text DEFAULT 'json';
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS import_cost_json text;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS total_conversations integer DEFAULT 0;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS total_messages integer DEFAULT 0;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS total_chunks integer DEFAULT 0;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS processed_chunks integer DEFAULT 0;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS embedding_progress integer DEFAULT 0;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS embedding_status text DEFAULT 'pending';
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS memory_status text DEFAULT 'none';
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS soulprint_generated_at timestamptz;
-- The run whose sections the row holds, for those who look; what is served says served_memories.
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS import_id uuid;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS run integer;
ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS pipeline text;
DO $$
DECLARE
    statement text;
BEGIN
    IF current_setting('soulprint.adopting')::boolean THEN
        RETURN;
    END IF;
    FOREACH statement IN ARRAY ARRAY[
        'ALTER TABLE public.user_profiles ENABLE ROW LEVEL SECURITY',
        'REVOKE ALL ON public.user_profiles FROM PUBLIC, anon, authenticated, service_role',
        'GRANT SELECT ON public.user_profiles TO authenticated',
        'CREATE POLICY own_rows ON public.user_profiles FOR SELECT TO authenticated '
            'USING (user_id = (SELECT auth.uid()))'
    ] LOOP
        EXECUTE statement;
        RAISE NOTICE USING ERRCODE = 'SP010', MESSAGE = statement;
    END LOOP;
END
$$;
-- The one thing of the app's that changes: a check on import_status that refuses a word of ours takes ours from
-- then on, besides what it takes.
DO $$
DECLARE
    ours CONSTANT text[] := ARRAY['none', 'quick_ready', 'processing', 'complete', 'locked', 'failed'];
    its record;
    takes boolean;
    statement text;
BEGIN
    FOR its IN
        SELECT c.conname AS name, pg_get_expr(c.conbin, c.conrelid) AS rule
        FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND c.conkey = ARRAY[a.attnum]
        WHERE c.conrelid = 'public.user_profiles'::regclass AND c.contype = 'c' AND a.attname = 'import_status'
    LOOP
        EXECUTE format('SELECT bool_and((%s) IS NOT FALSE) FROM unnest($1) AS u(import_status)', its.rule)
            INTO takes USING ours;
        IF takes THEN
            CONTINUE;
        END IF;
        statement := format(
            'ALTER TABLE public.user_profiles DROP CONSTRAINT %1$I, '
            'ADD CONSTRAINT %1$I CHECK ((%2$s) OR import_status = ANY (%3$L::text[]))',
            its.name, its.rule, ours);
        EXECUTE statement;
        RAISE NOTICE USING ERRCODE = 'SP010', MESSAGE = statement;
    END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.user_profiles TO service_role;
CREATE POLICY soulprint_services ON public.user_profiles TO service_role USING (true) WITH CHECK (true);

-- What is served to a user. Persons may write to their profile: whose memory it is says this table alone.
CREATE TABLE public.served_memories (
    user_id uuid PRIMARY KEY,
    -- the run that wrote the sections; null: they came from elsewhere, and were put back
    import_id uuid,
    run integer,
    pipeline text,
    -- the run whose MEMORY, and so whose facts, are served: import_id and run, unless that run made no MEMORY
    memory_import_id uuid,
    memory_run integer,
    profile_format text NOT NULL DEFAULT 'markdown',
    -- the sections as they were written, in either form: {markdown: {soul, ...}, app: {soul, ...}}
    documents jsonb NOT NULL DEFAULT '{}',
    served_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE public.served_memories ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON public.served_memories FROM PUBLIC, anon, authenticated, service_role;
GRANT SELECT ON public.served_memories TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.served_memories TO service_role;
CREATE POLICY own_rows ON public.served_memories FOR SELECT TO authenticated
    USING (user_id = (SELECT auth.uid()));
CREATE POLICY services ON public.served_memories TO service_role USING (true) WITH CHECK (true);

-- What a commit replaced, whole, with the run that had written it (none: it came from elsewhere). Of a memory
-- that was never served replaced_at is null.
CREATE TABLE public.profile_versions (
    user_id uuid NOT NULL,
    version bigint GENERATED ALWAYS AS IDENTITY,
    import_id uuid,
    run integer,
    pipeline text,
    kind text NOT NULL DEFAULT 'primary' CHECK (kind IN ('primary', 'quick', 'fallback', 'shadow')),
    soul_md text,
    identity_md text,
    user_md text,
    agents_md text,
    tools_md text,
    memory_md text,
    soulprint_text text,
    memory_import_id uuid,
    memory_run integer,
    profile_format text NOT NULL DEFAULT 'markdown',
    documents jsonb NOT NULL DEFAULT '{}',
    written_at timestamptz,
    replaced_at timestamptz DEFAULT now(),
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

-- True if a profile has a section.
CREATE FUNCTION public.has_sections(p public.user_profiles) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(p.soul_md, p.identity_md, p.user_md, p.agents_md, p.tools_md) IS NOT NULL
$$;

-- True if a user has sections, whoever wrote them.
CREATE FUNCTION public.is_served(p_user uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM served_memories s WHERE s.user_id = p_user)
        OR EXISTS (SELECT FROM user_profiles p WHERE p.user_id = p_user AND has_sections(p))
$$;

-- How far a run is, for the app's import page: a label that it knows and a whole percent. An export is read
-- while its first chunks are: reading counts until it ends.
CREATE FUNCTION public.app_progress(i public.imports, OUT stage text, OUT percent integer)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE told_state(i)
               WHEN 'complete' THEN 'Complete'
               WHEN 'consolidating' THEN 'Building profile'
               WHEN 'extracting' THEN 'Generating soulprint'
               WHEN 'chunking' THEN CASE WHEN i.stage IS NULL THEN 'Downloading export' ELSE 'Parsing conversations' END
               WHEN 'received' THEN 'Downloading export'
               ELSE 'Failed' END,
           CASE told_state(i)
               WHEN 'consolidating' THEN CASE WHEN i.published_at IS NULL THEN 80 ELSE 95 END
               WHEN 'extracting' THEN
                   50 + floor(29.0 * least(i.chunks_ok + i.chunks_dead, i.chunks_total) / greatest(i.chunks_total, 1))
               WHEN 'chunking' THEN CASE WHEN i.stage IS NULL THEN 0 ELSE 20 + floor(30.0 * least(1, coalesce(
                   (i.reading ->> 'bytes_read')::numeric / nullif((i.reading ->> 'bytes_total')::numeric, 0), 0)))
                   END
               WHEN 'received' THEN 0
               ELSE 100 END
$$;

-- True of a run that a predecessor has in its hands, or has brought to a good end: it says itself how it fares, in the
-- same columns.
CREATE FUNCTION public.is_with_predecessor(i public.imports) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN i.variant = 'http' AND (i.state = 'complete' OR i.state NOT IN ('failed', 'cancelled') AND EXISTS (
        SELECT FROM v1_calls c WHERE c.import_id = i.import_id AND c.run = i.run AND c.state = 'posted'));
END
$$;

-- Shows in the user's profile how their newest primary run fares, with what the quick and the fallback run beside it
-- did: told by any of these three, if there is a profile. In app format the columns of the app's import page are told,
-- too: their percent never falls, what is locked stays locked, first sections send the person to their chat, and a run
-- that fails says so only where no sections are served and no fallback is at work on some. full_pass_* is told by the
-- newest run that makes a MEMORY, whatever came after it in v1; of a user who has none, by the newest of v1: the app's
-- chat page asks until it is complete or failed, and no more will come. Of what a predecessor does only that it came to nothing
-- is told.
CREATE FUNCTION public.tell_profile(i public.imports) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    m imports := primary_of(i);
    f imports;
    s served_memories;
    p user_profiles;
    speaks boolean;  -- in the columns of the import page
    passes boolean;  -- in full_pass_*
    quick boolean;  -- what is served are its first sections
    told text;
    ended boolean;
    why text;
    status text;
    shown record;
    others record;
BEGIN
    IF m.import_id IS NULL OR NOT (is_newest_run(m) OR is_newest_pass(m))
       -- what is opened again goes on behind what is served, and is told when it ends
       OR m.reopened_at IS NOT NULL AND m.state NOT IN ('complete', 'failed', 'cancelled') THEN
        RETURN;
    END IF;
    SELECT * INTO p FROM user_profiles o WHERE o.user_id = i.user_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- All as it is now: another may have told, or a newer run have begun, while the row was waited for.
    SELECT * INTO m FROM imports n WHERE n.import_id = m.import_id AND n.run = m.run;
    speaks := is_newest_run(m);
    -- A predecessor that was called later has full_pass_* for its own word.
    passes := CASE WHEN m.pipeline = 'v1' THEN speaks AND NOT EXISTS (
            SELECT FROM imports o
            WHERE o.user_id = m.user_id AND o.kind = 'primary' AND o.pipeline <> 'v1' AND o.state <> 'cancelled')
        ELSE speaks OR is_newest_pass(m) AND NOT EXISTS (
            SELECT FROM imports o
            WHERE o.user_id = m.user_id AND (o.requested_at, o.ordinal) > (m.requested_at, m.ordinal)
              AND is_with_predecessor(o)) END;
    SELECT * INTO f FROM imports n
        WHERE n.import_id = m.import_id AND n.kind = 'fallback'
          AND (n.run > m.run OR n.state NOT IN ('complete', 'failed', 'cancelled')) LIMIT 1;
    IF NOT (speaks OR passes) OR is_with_predecessor(CASE WHEN f.import_id IS NULL THEN m ELSE f END) THEN
        RETURN;
    END IF;
    SELECT * INTO s FROM served_memories o WHERE o.user_id = i.user_id;
    quick := EXISTS (
        SELECT FROM imports q
        WHERE q.import_id = s.import_id AND q.run = s.run AND q.kind = 'quick' AND q.parent_id = m.import_id);
    told := told_state(m);
    ended := told IN ('complete', 'unserved', 'failed', 'cancelled');
    why := CASE WHEN m.unserved = 'smaller' THEN 'its memory would lose much of what is served, and is kept beside it'
                WHEN told = 'cancelled' THEN 'the import was cancelled'
                ELSE m.error ->> 'message' END;
    IF passes THEN
        p.full_pass_error := CASE WHEN told <> 'cancelled' OR quick THEN why ELSE p.full_pass_error END;
        p.full_pass_status := CASE
            WHEN told = 'complete' THEN 'complete'
            WHEN told IN ('unserved', 'failed') OR told = 'cancelled' AND quick THEN 'failed'
            WHEN told = 'cancelled' THEN CASE WHEN s.user_id IS NOT NULL THEN 'complete' ELSE 'pending' END
            ELSE 'processing' END;
        p.full_pass_completed_at := CASE told WHEN 'complete' THEN m.finished_at
                                              WHEN 'cancelled' THEN p.full_pass_completed_at END;
        p.full_pass_started_at := CASE told WHEN 'cancelled' THEN p.full_pass_started_at ELSE m.begun_at END;
    END IF;
    IF speaks AND 'app' IN (m.profile_format, i.profile_format) THEN
        shown := app_progress(m);
        status := 'processing';
        IF told = 'complete' OR ended AND has_sections(p) THEN
            status := 'complete';
            shown.percent := 100;
            shown.stage := 'Complete';
        ELSIF ended AND f.state NOT IN ('complete', 'failed', 'cancelled') THEN
            shown.percent := CASE WHEN p.processing_started_at = m.begun_at AND p.progress_percent BETWEEN 50 AND 99
                                  THEN p.progress_percent ELSE 50 END;
            shown.stage := CASE WHEN shown.percent < 80 THEN 'Generating soulprint' ELSE 'Building profile' END;
        ELSIF ended THEN
            status := 'failed';
        ELSIF quick AND has_sections(p) THEN
            status := 'quick_ready';
            shown.percent := 100;
            shown.stage := 'Complete';
        ELSIF p.processing_started_at = m.begun_at AND p.progress_percent > shown.percent THEN
            shown.percent := p.progress_percent;
        END IF;
        p.import_error := CASE WHEN status = 'failed' THEN coalesce(why, 'nothing came of the import') END;
        p.import_status := CASE WHEN p.import_status = 'locked' THEN 'locked' ELSE status END;
        p.memory_status := CASE WHEN p.memory_md IS NULL AND status = 'quick_ready' THEN 'building'
                                WHEN p.memory_md IS NULL AND ended AND p.memory_status = 'building' THEN 'none'
                                ELSE p.memory_status END;
        p.import_stage := shown.stage;
        p.progress_percent := shown.percent;
        p.processing_started_at := m.begun_at;
        others := read_of_others(m);
        p.total_conversations := coalesce(
            (m.counts -> 'conversations' ->> 'kept')::integer + others.conversations,
            nullif(others.conversations, 0), p.total_conversations);
        p.total_messages := coalesce(
            (m.counts ->> 'messages')::integer + others.messages, nullif(others.messages, 0), p.total_messages);
        p.total_chunks := coalesce(m.chunks_total, p.total_chunks);
        p.processed_chunks := m.chunks_ok + m.chunks_dead;
    ELSIF speaks THEN
        p.import_stage := CASE told WHEN 'cancelled' THEN told ELSE coalesce(m.stage, m.state) END;
        p.progress_percent := round(m.progress_percent);
    END IF;
    UPDATE user_profiles o SET
            full_pass_status = p.full_pass_status, full_pass_started_at = p.full_pass_started_at,
            full_pass_completed_at = p.full_pass_completed_at, full_pass_error = p.full_pass_error,
            import_status = p.import_status, import_error = p.import_error, import_stage = p.import_stage,
            progress_percent = p.progress_percent, processing_started_at = p.processing_started_at,
            total_conversations = p.total_conversations, total_messages = p.total_messages,
            total_chunks = p.total_chunks, processed_chunks = p.processed_chunks,
            memory_status = p.memory_status, updated_at = now()
        WHERE o.user_id = i.user_id;
END
$$;

-- Sets the named columns of a profile, which is made if it is missing; a null clears a text or a time. Others stay. A percent is
-- rounded: the column holds whole ones.
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
    IF fields -> 'full_pass_status' = 'null' OR fields -> 'progress_percent' = 'null' THEN
        RAISE EXCEPTION 'a status and a percent are not cleared' USING ERRCODE = '23502';
    ELSIF NOT (fields ->> 'progress_percent')::numeric BETWEEN 0 AND 100 THEN
        RAISE EXCEPTION 'a percent is of 0 to 100' USING ERRCODE = '23514';
    END IF;
    IF fields ->> 'progress_percent' IS NOT NULL THEN
        fields := fields || jsonb_build_object('progress_percent', round((fields ->> 'progress_percent')::numeric));
    END IF;
    INSERT INTO user_profiles (user_id) VALUES (owner) ON CONFLICT (user_id) DO NOTHING;
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

-- A user's profile, with whose memory is served; null if there is none.
CREATE FUNCTION public.read_profile(argument jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT to_jsonb(p) || jsonb_build_object(
        'import_id', s.import_id, 'run', s.run, 'pipeline', s.pipeline,
        'memory_import_id', s.memory_import_id, 'memory_run', s.memory_run, 'lineages', lineages_of(p.user_id),
        'documents', coalesce(s.documents, '{}'))
    FROM user_profiles p LEFT JOIN served_memories s ON s.user_id = p.user_id
    WHERE p.user_id = (argument ->> 'user_id')::uuid
$$;

REVOKE ALL ON FUNCTION
    public.has_sections(public.user_profiles), public.is_served(uuid), public.app_progress(public.imports),
    public.is_with_predecessor(public.imports),
    public.tell_profile(public.imports), public.update_user_profile(jsonb), public.read_profile(jsonb)
FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION
    public.has_sections(public.user_profiles), public.is_served(uuid), public.app_progress(public.imports),
    public.is_with_predecessor(public.imports),
    public.tell_profile(public.imports), public.update_user_profile(jsonb), public.read_profile(jsonb)
TO service_role;
