-- The tables. docs/database.md tells what each is for.

-- One row a run. `ordinal` is the order in which runs were begun: it settles which of two runs is newer
-- where both were requested at the same time.
CREATE TABLE public.imports (
    import_id uuid NOT NULL,
    run integer NOT NULL CHECK (run >= 1),
    ordinal bigint GENERATED ALWAYS AS IDENTITY,
    user_id uuid NOT NULL,
    pipeline text NOT NULL,
    source text NOT NULL,
    variant text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'received' CHECK (state IN (
        'received', 'chunking', 'extracting', 'consolidating', 'complete', 'failed', 'cancelled')),
    progress_percent real NOT NULL DEFAULT 0 CHECK (progress_percent BETWEEN 0 AND 100),
    stage text,
    counts jsonb NOT NULL DEFAULT '{}',
    breaks jsonb NOT NULL DEFAULT '[]',
    superseded jsonb NOT NULL DEFAULT '[]',
    sample jsonb NOT NULL DEFAULT '[]',
    chunks_total integer CHECK (chunks_total >= 0),
    chunks_ok integer NOT NULL DEFAULT 0,
    chunks_dead integer NOT NULL DEFAULT 0,
    chunks_cached integer NOT NULL DEFAULT 0,
    facts_extracted integer NOT NULL DEFAULT 0,
    fact_counts jsonb NOT NULL DEFAULT '{}',
    coverage double precision CHECK (coverage BETWEEN 0 AND 1),
    usage jsonb NOT NULL DEFAULT '{}',
    cost double precision,
    error jsonb,
    lease_owner text,
    lease_until timestamptz,
    requested_at timestamptz NOT NULL DEFAULT now(),
    begun_at timestamptz NOT NULL DEFAULT now(),
    chunked_at timestamptz,
    extracted_at timestamptz,
    claimed_at timestamptz,
    published_at timestamptz,
    finished_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (import_id, run)
);
CREATE INDEX imports_of_user ON public.imports (user_id, requested_at, ordinal);

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

-- Passages. Tiers have their bounds here and nowhere else: micro under 500 tokens, medium under 1500, macro.
CREATE TABLE public.conversation_chunks (
    user_id uuid NOT NULL,
    conversation_id text COLLATE "C" NOT NULL,
    passage_index integer NOT NULL CHECK (passage_index >= 0),
    title text NOT NULL DEFAULT '',
    content text NOT NULL,
    token_count integer NOT NULL CHECK (token_count >= 0),
    chunk_tier text NOT NULL GENERATED ALWAYS AS (
        CASE WHEN token_count < 500 THEN 'micro' WHEN token_count < 1500 THEN 'medium' ELSE 'macro' END
    ) STORED,
    is_recent boolean NOT NULL DEFAULT false,
    message_count integer NOT NULL DEFAULT 0 CHECK (message_count >= 0),
    created_at timestamptz,
    PRIMARY KEY (user_id, conversation_id, passage_index)
);
-- Compressing costs twice as much as all the rest of a save (docs/adr/0003-passages.md).
ALTER TABLE public.conversation_chunks ALTER COLUMN content SET STORAGE EXTERNAL;

-- No foreign key here and in facts: record_chunks has locked the run it writes to, once for many rows.
CREATE TABLE public.chunk_results (
    import_id uuid NOT NULL,
    run integer NOT NULL,
    chunk_index integer NOT NULL CHECK (chunk_index >= 0),
    chunk_id uuid NOT NULL,
    user_id uuid NOT NULL,
    content_hash text NOT NULL,
    status text NOT NULL CHECK (status IN ('ok', 'dead')),
    cached boolean NOT NULL DEFAULT false,
    dropped jsonb,
    unread text[],
    usage jsonb,
    error text,
    PRIMARY KEY (import_id, run, chunk_index)
);

-- Every grounded fact of a run. `topic` is what consolidation compares: facts of one topic lie side by side.
CREATE TABLE public.facts (
    import_id uuid NOT NULL,
    run integer NOT NULL,
    fact_id uuid NOT NULL,
    user_id uuid NOT NULL,
    category text NOT NULL,
    topic text COLLATE "C" NOT NULL DEFAULT '',
    statement text NOT NULL,
    quote text NOT NULL,
    message_ids text[] NOT NULL,
    conversation_id text COLLATE "C" NOT NULL,
    stated_at timestamptz,
    valid_from date,
    valid_until date,
    confidence double precision NOT NULL,
    source_kind text NOT NULL,
    chunk_index integer NOT NULL,
    status text NOT NULL DEFAULT 'current' CHECK (status IN ('current', 'superseded', 'merged')),
    support integer NOT NULL DEFAULT 1 CHECK (support >= 1),
    superseded_by uuid,
    merged_into uuid,
    PRIMARY KEY (import_id, run, fact_id)
) WITH (fillfactor = 85);
-- The order in which facts are read, page by page; facts without a time come first in their topic.
CREATE INDEX facts_in_order ON public.facts
    (import_id, run, topic, (coalesce(stated_at, '-infinity'::timestamptz)), fact_id);
CREATE INDEX facts_merged ON public.facts (import_id, run, merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE public.extraction_cache (
    user_id uuid NOT NULL,
    content_hash text COLLATE "C" NOT NULL,
    model text COLLATE "C" NOT NULL,
    prompt_version text COLLATE "C" NOT NULL,
    facts jsonb NOT NULL,
    dropped jsonb NOT NULL DEFAULT '{}',
    unread jsonb NOT NULL DEFAULT '[]',
    usage jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, model, prompt_version, content_hash)
);

-- Access: services everything, a signed-in user their own rows to read, anyone else nothing.
DO $$
DECLARE
    tables text[] := ARRAY['imports', 'user_profiles', 'profile_versions', 'conversation_chunks',
                           'chunk_results', 'facts', 'extraction_cache'];
    name text;
BEGIN
    FOREACH name IN ARRAY tables LOOP
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('REVOKE ALL ON public.%I FROM PUBLIC, anon, authenticated', name);
        EXECUTE format('GRANT SELECT ON public.%I TO authenticated', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON public.%I TO service_role', name);
        EXECUTE format('CREATE POLICY own_rows ON public.%I FOR SELECT TO authenticated '
                       'USING (user_id = (SELECT auth.uid()))', name);
        EXECUTE format('CREATE POLICY services ON public.%I TO service_role '
                       'USING (true) WITH CHECK (true)', name);
    END LOOP;
END
$$;
