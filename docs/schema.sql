-- The whole schema, as supabase/migrations/ make it. Written by `make schema`; do not edit.

GRANT USAGE ON SCHEMA public TO anon;
GRANT USAGE ON SCHEMA public TO authenticated;
GRANT USAGE ON SCHEMA public TO service_role;

CREATE TABLE public.audit (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    who text NOT NULL,
    what text NOT NULL,
    subject text NOT NULL,
    why text DEFAULT ''::text NOT NULL
);
ALTER TABLE public.audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);
CREATE INDEX audit_of_subject ON public.audit USING btree (subject, id);
ALTER TABLE public.audit ENABLE ROW LEVEL SECURITY;
CREATE POLICY services ON public.audit TO service_role USING (true) WITH CHECK (true);
GRANT SELECT,INSERT ON TABLE public.audit TO service_role;

CREATE TABLE public.batch_chunks (
    provider text NOT NULL,
    batch_id text NOT NULL,
    content_hash text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL,
    prompt_version text NOT NULL,
    size integer NOT NULL,
    begun_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY public.batch_chunks
    ADD CONSTRAINT batch_chunks_pkey PRIMARY KEY (provider, content_hash, batch_id);
CREATE INDEX batch_chunks_of ON public.batch_chunks USING btree (provider, batch_id);
ALTER TABLE public.batch_chunks ENABLE ROW LEVEL SECURITY;
CREATE POLICY services ON public.batch_chunks TO service_role USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.batch_chunks TO service_role;

CREATE TABLE public.callbacks (
    import_id uuid NOT NULL,
    kind text NOT NULL,
    user_id uuid NOT NULL,
    state text DEFAULT 'due'::text NOT NULL,
    seconds double precision NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    token uuid,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT callbacks_kind_check CHECK ((kind = ANY (ARRAY['quick'::text, 'complete'::text]))),
    CONSTRAINT callbacks_state_check CHECK ((state = ANY (ARRAY['due'::text, 'marked'::text, 'sent'::text, 'refused'::text, 'given_up'::text, 'unknown'::text])))
);
ALTER TABLE ONLY public.callbacks
    ADD CONSTRAINT callbacks_pkey PRIMARY KEY (import_id, kind);
ALTER TABLE ONLY public.callbacks
    ADD CONSTRAINT callbacks_token_key UNIQUE (token);
CREATE INDEX callbacks_due ON public.callbacks USING btree (due_at) WHERE (state = 'due'::text);
ALTER TABLE public.callbacks ENABLE ROW LEVEL SECURITY;
CREATE POLICY services ON public.callbacks TO service_role USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.callbacks TO service_role;

CREATE TABLE public.chunk_results (
    import_id uuid NOT NULL,
    run integer NOT NULL,
    chunk_index integer NOT NULL,
    chunk_id uuid NOT NULL,
    user_id uuid NOT NULL,
    content_hash text NOT NULL,
    status text NOT NULL,
    cached boolean DEFAULT false NOT NULL,
    dropped jsonb,
    unread text[],
    usage jsonb,
    error text,
    account smallint DEFAULT 0 NOT NULL,
    tokens integer DEFAULT 0 NOT NULL,
    CONSTRAINT chunk_results_chunk_index_check CHECK ((chunk_index >= 0)),
    CONSTRAINT chunk_results_status_check CHECK ((status = ANY (ARRAY['ok'::text, 'dead'::text])))
);
ALTER TABLE ONLY public.chunk_results
    ADD CONSTRAINT chunk_results_pkey PRIMARY KEY (import_id, run, chunk_index);
ALTER TABLE public.chunk_results ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON public.chunk_results FOR SELECT TO authenticated USING ((user_id = ( SELECT auth.uid() AS uid)));
CREATE POLICY services ON public.chunk_results TO service_role USING (true) WITH CHECK (true);
GRANT SELECT ON TABLE public.chunk_results TO authenticated;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.chunk_results TO service_role;

CREATE TABLE public.conversation_chunks (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid NOT NULL,
    conversation_id text NOT NULL COLLATE pg_catalog."C",
    content text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    passage_index integer,
    title text,
    token_count integer,
    chunk_tier text,
    is_recent boolean DEFAULT false,
    message_count integer,
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT conversation_chunks_passage_index_check CHECK ((passage_index >= 0)),
    CONSTRAINT conversation_chunks_token_count_check CHECK ((token_count >= 0))
);
ALTER TABLE ONLY public.conversation_chunks ALTER COLUMN content SET STORAGE EXTERNAL;
ALTER TABLE ONLY public.conversation_chunks
    ADD CONSTRAINT conversation_chunks_pkey PRIMARY KEY (id);
CREATE UNIQUE INDEX conversation_chunks_of_conversation ON public.conversation_chunks USING btree (user_id, conversation_id, passage_index);
ALTER TABLE public.conversation_chunks ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON public.conversation_chunks FOR SELECT TO authenticated USING ((user_id = ( SELECT auth.uid() AS uid)));
CREATE POLICY soulprint_services ON public.conversation_chunks TO service_role USING (true) WITH CHECK (true);
GRANT SELECT ON TABLE public.conversation_chunks TO authenticated;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.conversation_chunks TO service_role;

CREATE TABLE public.conversation_runs (
    user_id uuid NOT NULL,
    conversation_id text NOT NULL COLLATE pg_catalog."C",
    requested_at timestamp with time zone NOT NULL,
    ordinal bigint NOT NULL,
    account smallint DEFAULT 0 NOT NULL,
    lineage text COLLATE pg_catalog."C"
);
ALTER TABLE ONLY public.conversation_runs
    ADD CONSTRAINT conversation_runs_pkey PRIMARY KEY (user_id, conversation_id);
ALTER TABLE public.conversation_runs ENABLE ROW LEVEL SECURITY;
CREATE POLICY services ON public.conversation_runs TO service_role USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.conversation_runs TO service_role;

CREATE TABLE public.dead_letter_positions (
    topic text NOT NULL,
    partition integer NOT NULL,
    generation integer DEFAULT 0 NOT NULL,
    begin_offset bigint DEFAULT 0 NOT NULL,
    next_offset bigint DEFAULT 0 NOT NULL,
    last_timestamp bigint
);
ALTER TABLE ONLY public.dead_letter_positions
    ADD CONSTRAINT dead_letter_positions_pkey PRIMARY KEY (topic, partition);
ALTER TABLE public.dead_letter_positions ENABLE ROW LEVEL SECURITY;
CREATE POLICY services ON public.dead_letter_positions TO service_role USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.dead_letter_positions TO service_role;

CREATE TABLE public.dead_letters (
    id uuid NOT NULL,
    topic text NOT NULL,
    letter_partition integer NOT NULL,
    letter_offset bigint NOT NULL,
    generation integer NOT NULL,
    record_partition integer,
    record_offset bigint,
    ce_id uuid,
    import_id uuid,
    user_id uuid,
    run integer,
    chunk_id uuid,
    reason text,
    error_class text,
    attempts integer,
    stage text,
    size bigint DEFAULT 0 NOT NULL,
    burial integer DEFAULT 1 NOT NULL,
    buried_at timestamp with time zone NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    changed_by text,
    changed_why text,
    changed_at timestamp with time zone,
    CONSTRAINT dead_letters_error_class_check CHECK ((length(error_class) <= 64)),
    CONSTRAINT dead_letters_reason_check CHECK ((length(reason) <= 64)),
    CONSTRAINT dead_letters_stage_check CHECK ((length(stage) <= 64)),
    CONSTRAINT dead_letters_state_check CHECK ((state = ANY (ARRAY['open'::text, 'requeued'::text, 'dropped'::text])))
);
ALTER TABLE ONLY public.dead_letters
    ADD CONSTRAINT dead_letters_pkey PRIMARY KEY (id);
CREATE INDEX dead_letters_by_time ON public.dead_letters USING btree (buried_at);
CREATE INDEX dead_letters_in_order ON public.dead_letters USING btree (topic, letter_partition, letter_offset, id);
CREATE INDEX dead_letters_of_event ON public.dead_letters USING btree (ce_id, topic) WHERE (ce_id IS NOT NULL);
CREATE INDEX dead_letters_of_import ON public.dead_letters USING btree (import_id) WHERE (import_id IS NOT NULL);
CREATE INDEX dead_letters_of_user ON public.dead_letters USING btree (user_id) WHERE (user_id IS NOT NULL);
CREATE INDEX dead_letters_open ON public.dead_letters USING btree (topic, letter_partition, letter_offset, id) INCLUDE (reason, error_class, generation, burial, buried_at) WHERE (state = 'open'::text);
ALTER TABLE public.dead_letters ENABLE ROW LEVEL SECURITY;
CREATE POLICY services ON public.dead_letters TO service_role USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.dead_letters TO service_role;

CREATE TABLE public.embedding_claims (
    passage_id uuid NOT NULL,
    user_id uuid NOT NULL,
    owner text,
    until timestamp with time zone NOT NULL,
    content_hash text NOT NULL,
    model text NOT NULL,
    refused text,
    refusals integer DEFAULT 0 NOT NULL
);
ALTER TABLE ONLY public.embedding_claims
    ADD CONSTRAINT embedding_claims_pkey PRIMARY KEY (passage_id);
CREATE INDEX embedding_claims_of_owner ON public.embedding_claims USING btree (owner) WHERE (owner IS NOT NULL);
CREATE INDEX embedding_claims_of_user ON public.embedding_claims USING btree (user_id);
ALTER TABLE public.embedding_claims ENABLE ROW LEVEL SECURITY;
CREATE POLICY services ON public.embedding_claims TO service_role USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.embedding_claims TO service_role;

CREATE TABLE public.embedding_turns (
    user_id uuid NOT NULL,
    turn_at timestamp with time zone DEFAULT '1970-01-01 00:00:00+00'::timestamp with time zone NOT NULL,
    told boolean DEFAULT false NOT NULL
);
ALTER TABLE ONLY public.embedding_turns
    ADD CONSTRAINT embedding_turns_pkey PRIMARY KEY (user_id);
CREATE INDEX embedding_turns_told ON public.embedding_turns USING btree (user_id) WHERE told;
ALTER TABLE public.embedding_turns ENABLE ROW LEVEL SECURITY;
CREATE POLICY services ON public.embedding_turns TO service_role USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.embedding_turns TO service_role;

CREATE TABLE public.embedding_usage (
    user_id uuid NOT NULL,
    import_id uuid NOT NULL,
    run integer NOT NULL,
    model text NOT NULL,
    passages bigint DEFAULT 0 NOT NULL,
    calls bigint DEFAULT 0 NOT NULL,
    input_tokens bigint DEFAULT 0 NOT NULL,
    cost double precision DEFAULT 0
);
ALTER TABLE ONLY public.embedding_usage
    ADD CONSTRAINT embedding_usage_pkey PRIMARY KEY (user_id, import_id, run, model);
ALTER TABLE public.embedding_usage ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON public.embedding_usage FOR SELECT TO authenticated USING ((user_id = ( SELECT auth.uid() AS uid)));
CREATE POLICY services ON public.embedding_usage TO service_role USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.embedding_usage TO service_role;
GRANT SELECT ON TABLE public.embedding_usage TO authenticated;

CREATE TABLE public.extraction_cache (
    user_id uuid NOT NULL,
    content_hash text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    prompt_version text NOT NULL COLLATE pg_catalog."C",
    facts jsonb NOT NULL,
    dropped jsonb DEFAULT '{}'::jsonb NOT NULL,
    unread jsonb DEFAULT '[]'::jsonb NOT NULL,
    usage jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY public.extraction_cache
    ADD CONSTRAINT extraction_cache_pkey PRIMARY KEY (user_id, model, prompt_version, content_hash);
ALTER TABLE public.extraction_cache ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON public.extraction_cache FOR SELECT TO authenticated USING ((user_id = ( SELECT auth.uid() AS uid)));
CREATE POLICY services ON public.extraction_cache TO service_role USING (true) WITH CHECK (true);
GRANT SELECT ON TABLE public.extraction_cache TO authenticated;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.extraction_cache TO service_role;

CREATE TABLE public.facts (
    import_id uuid NOT NULL,
    run integer NOT NULL,
    fact_id uuid NOT NULL,
    account smallint DEFAULT 0 NOT NULL,
    user_id uuid NOT NULL,
    category text NOT NULL,
    matter text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    statement text NOT NULL,
    quote text NOT NULL,
    message_ids text[] NOT NULL,
    conversation_id text NOT NULL COLLATE pg_catalog."C",
    stated_at timestamp with time zone,
    valid_from date,
    valid_until date,
    confidence double precision NOT NULL,
    source_kind text NOT NULL,
    chunk_index integer NOT NULL,
    status text DEFAULT 'current'::text NOT NULL,
    support integer DEFAULT 1 NOT NULL,
    superseded_by uuid,
    merged_into uuid,
    CONSTRAINT facts_status_check CHECK ((status = ANY (ARRAY['current'::text, 'superseded'::text, 'merged'::text, 'hidden'::text]))),
    CONSTRAINT facts_support_check CHECK ((support >= 1))
)
WITH (fillfactor='85');
ALTER TABLE ONLY public.facts
    ADD CONSTRAINT facts_pkey PRIMARY KEY (import_id, run, fact_id, account);
CREATE INDEX facts_in_order ON public.facts USING btree (import_id, run, matter, COALESCE(stated_at, '-infinity'::timestamp with time zone), fact_id);
CREATE INDEX facts_merged ON public.facts USING btree (import_id, run, merged_into) WHERE (merged_into IS NOT NULL);
ALTER TABLE public.facts ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON public.facts FOR SELECT TO authenticated USING ((user_id = ( SELECT auth.uid() AS uid)));
CREATE POLICY services ON public.facts TO service_role USING (true) WITH CHECK (true);
GRANT SELECT ON TABLE public.facts TO authenticated;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.facts TO service_role;

CREATE TABLE public.idempotency_keys (
    user_id uuid NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL,
    reply jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, key);
CREATE INDEX idempotency_keys_by_age ON public.idempotency_keys USING btree (created_at);
ALTER TABLE public.idempotency_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY services ON public.idempotency_keys TO service_role USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.idempotency_keys TO service_role;

CREATE TABLE public.imports (
    import_id uuid NOT NULL,
    run integer NOT NULL,
    ordinal bigint NOT NULL,
    user_id uuid NOT NULL,
    pipeline text NOT NULL,
    kind text DEFAULT 'primary'::text NOT NULL,
    parent_id uuid,
    source text NOT NULL,
    variant text DEFAULT ''::text NOT NULL,
    state text DEFAULT 'received'::text NOT NULL,
    progress_percent real DEFAULT 0 NOT NULL,
    stage text,
    reading jsonb DEFAULT '{}'::jsonb NOT NULL,
    counts jsonb DEFAULT '{}'::jsonb NOT NULL,
    breaks jsonb DEFAULT '[]'::jsonb NOT NULL,
    superseded jsonb DEFAULT '[]'::jsonb NOT NULL,
    sample jsonb DEFAULT '[]'::jsonb NOT NULL,
    chunks_total integer,
    chunks_ok integer DEFAULT 0 NOT NULL,
    chunks_dead integer DEFAULT 0 NOT NULL,
    chunks_cached integer DEFAULT 0 NOT NULL,
    facts_extracted integer DEFAULT 0 NOT NULL,
    fact_counts jsonb DEFAULT '{}'::jsonb NOT NULL,
    coverage double precision,
    usage jsonb DEFAULT '{}'::jsonb NOT NULL,
    cost double precision,
    error jsonb,
    lease_owner text,
    lease_until timestamp with time zone,
    requested_at timestamp with time zone DEFAULT now() NOT NULL,
    offered_at timestamp with time zone,
    relay_until timestamp with time zone,
    asked jsonb DEFAULT '{}'::jsonb NOT NULL,
    begun_at timestamp with time zone DEFAULT now() NOT NULL,
    chunked_at timestamp with time zone,
    extracted_at timestamp with time zone,
    claimed_at timestamp with time zone,
    published_at timestamp with time zone,
    finished_at timestamp with time zone,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    on_log boolean DEFAULT false NOT NULL,
    redrives integer DEFAULT 0 NOT NULL,
    redriven_at timestamp with time zone,
    redriven_done integer,
    furthest bigint DEFAULT 0 NOT NULL,
    begun_by text[] DEFAULT '{}'::text[] NOT NULL,
    begun_far bigint DEFAULT 0 NOT NULL,
    replaces boolean DEFAULT false NOT NULL,
    unserved text,
    profile_format text DEFAULT 'markdown'::text NOT NULL,
    lineage text,
    accounts jsonb DEFAULT '[]'::jsonb NOT NULL,
    joined jsonb DEFAULT '[]'::jsonb NOT NULL,
    edition integer DEFAULT 0 NOT NULL,
    readers jsonb DEFAULT '[]'::jsonb NOT NULL,
    priority text DEFAULT 'live'::text NOT NULL,
    replay_id uuid,
    replay_stage text,
    base_run integer,
    reopened_at timestamp with time zone,
    reopened_from jsonb,
    spent_before jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT imports_check CHECK ((((replay_id IS NULL) = (replay_stage IS NULL)) AND ((replay_id IS NULL) = (base_run IS NULL)))),
    CONSTRAINT imports_chunks_total_check CHECK ((chunks_total >= 0)),
    CONSTRAINT imports_coverage_check CHECK (((coverage >= (0)::double precision) AND (coverage <= (1)::double precision))),
    CONSTRAINT imports_kind_check CHECK ((kind = ANY (ARRAY['primary'::text, 'quick'::text, 'fallback'::text, 'shadow'::text]))),
    CONSTRAINT imports_priority_check CHECK ((priority = ANY (ARRAY['live'::text, 'replay'::text]))),
    CONSTRAINT imports_profile_format_check CHECK ((profile_format = ANY (ARRAY['markdown'::text, 'app'::text]))),
    CONSTRAINT imports_progress_percent_check CHECK (((progress_percent >= (0)::double precision) AND (progress_percent <= (100)::double precision))),
    CONSTRAINT imports_replay_stage_check CHECK ((replay_stage = ANY (ARRAY['chunks'::text, 'facts'::text, 'memory'::text]))),
    CONSTRAINT imports_run_check CHECK ((run >= 1)),
    CONSTRAINT imports_state_check CHECK ((state = ANY (ARRAY['received'::text, 'chunking'::text, 'extracting'::text, 'consolidating'::text, 'complete'::text, 'failed'::text, 'cancelled'::text]))),
    CONSTRAINT imports_unserved_check CHECK ((unserved = ANY (ARRAY['older'::text, 'smaller'::text, 'outdone'::text, 'shadow'::text, 'held'::text])))
);
ALTER TABLE public.imports ALTER COLUMN ordinal ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.imports_ordinal_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY public.imports
    ADD CONSTRAINT imports_pkey PRIMARY KEY (import_id, run);
CREATE INDEX imports_fed ON public.imports USING btree (pipeline, ordinal) WHERE ((kind = 'shadow'::text) AND (priority = 'replay'::text));
CREATE INDEX imports_in_order ON public.imports USING btree (ordinal);
CREATE INDEX imports_of_parent ON public.imports USING btree (parent_id) WHERE (parent_id IS NOT NULL);
CREATE INDEX imports_of_replay ON public.imports USING btree (replay_id, import_id) WHERE (replay_id IS NOT NULL);
CREATE INDEX imports_of_user ON public.imports USING btree (user_id, requested_at, ordinal);
CREATE INDEX imports_to_offer ON public.imports USING btree (priority, relay_until NULLS FIRST, requested_at) WHERE ((state = 'received'::text) AND on_log AND (offered_at IS NULL));
CREATE INDEX imports_unfinished ON public.imports USING btree (pipeline) WHERE (state <> ALL (ARRAY['complete'::text, 'failed'::text, 'cancelled'::text]));
CREATE TRIGGER bound_request_time BEFORE INSERT OR UPDATE OF requested_at ON public.imports FOR EACH ROW EXECUTE FUNCTION public.bound_request_time();
ALTER TABLE public.imports ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON public.imports FOR SELECT TO authenticated USING ((user_id = ( SELECT auth.uid() AS uid)));
CREATE POLICY services ON public.imports TO service_role USING (true) WITH CHECK (true);
GRANT SELECT ON TABLE public.imports TO authenticated;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.imports TO service_role;

CREATE TABLE public.leases (
    name text NOT NULL,
    owner text NOT NULL,
    until timestamp with time zone NOT NULL
);
ALTER TABLE ONLY public.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (name);
ALTER TABLE public.leases ENABLE ROW LEVEL SECURITY;
CREATE POLICY services ON public.leases TO service_role USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.leases TO service_role;

CREATE TABLE public.legacy_calls (
    route text NOT NULL,
    user_id uuid NOT NULL,
    calls bigint DEFAULT 1 NOT NULL,
    first_at timestamp with time zone DEFAULT now() NOT NULL,
    last_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY public.legacy_calls
    ADD CONSTRAINT legacy_calls_pkey PRIMARY KEY (route, user_id);
ALTER TABLE public.legacy_calls ENABLE ROW LEVEL SECURITY;
CREATE POLICY services ON public.legacy_calls TO service_role USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.legacy_calls TO service_role;

CREATE TABLE public.lineages (
    user_id uuid NOT NULL,
    lineage text NOT NULL COLLATE pg_catalog."C",
    vendor text NOT NULL,
    account text,
    import_id uuid,
    run integer,
    conversations bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY public.lineages
    ADD CONSTRAINT lineages_pkey PRIMARY KEY (user_id, lineage);
ALTER TABLE public.lineages ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON public.lineages FOR SELECT TO authenticated USING ((user_id = ( SELECT auth.uid() AS uid)));
CREATE POLICY services ON public.lineages TO service_role USING (true) WITH CHECK (true);
GRANT SELECT ON TABLE public.lineages TO authenticated;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.lineages TO service_role;

CREATE TABLE public.memory_outbox (
    import_id uuid NOT NULL,
    run integer NOT NULL,
    memory jsonb NOT NULL
);
ALTER TABLE ONLY public.memory_outbox
    ADD CONSTRAINT memory_outbox_pkey PRIMARY KEY (import_id, run);
ALTER TABLE public.memory_outbox ENABLE ROW LEVEL SECURITY;
CREATE POLICY services ON public.memory_outbox TO service_role USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.memory_outbox TO service_role;

CREATE TABLE public.profile_versions (
    user_id uuid NOT NULL,
    version bigint NOT NULL,
    import_id uuid,
    run integer,
    pipeline text,
    kind text DEFAULT 'primary'::text NOT NULL,
    soul_md text,
    identity_md text,
    user_md text,
    agents_md text,
    tools_md text,
    memory_md text,
    soulprint_text text,
    memory_import_id uuid,
    memory_run integer,
    profile_format text DEFAULT 'markdown'::text NOT NULL,
    documents jsonb DEFAULT '{}'::jsonb NOT NULL,
    written_at timestamp with time zone,
    replaced_at timestamp with time zone DEFAULT now(),
    CONSTRAINT profile_versions_kind_check CHECK ((kind = ANY (ARRAY['primary'::text, 'quick'::text, 'fallback'::text, 'shadow'::text])))
);
ALTER TABLE public.profile_versions ALTER COLUMN version ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.profile_versions_version_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY public.profile_versions
    ADD CONSTRAINT profile_versions_pkey PRIMARY KEY (user_id, version);
CREATE POLICY own_rows ON public.profile_versions FOR SELECT TO authenticated USING ((user_id = ( SELECT auth.uid() AS uid)));
ALTER TABLE public.profile_versions ENABLE ROW LEVEL SECURITY;
CREATE POLICY services ON public.profile_versions TO service_role USING (true) WITH CHECK (true);
GRANT SELECT ON TABLE public.profile_versions TO authenticated;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.profile_versions TO service_role;

CREATE TABLE public.replay_items (
    replay_id uuid NOT NULL,
    "position" integer NOT NULL,
    import_id uuid NOT NULL,
    user_id uuid NOT NULL,
    base_run integer NOT NULL,
    run integer,
    state text DEFAULT 'waiting'::text NOT NULL,
    why text,
    step text,
    chunks integer DEFAULT 0 NOT NULL,
    cached integer DEFAULT 0 NOT NULL,
    calls integer DEFAULT 0 NOT NULL,
    input_tokens bigint DEFAULT 0 NOT NULL,
    output_tokens bigint DEFAULT 0 NOT NULL,
    cost double precision,
    spent double precision,
    calls_made integer,
    begun_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT replay_items_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'begun'::text, 'done'::text, 'held'::text, 'failed'::text, 'unserved'::text, 'cancelled'::text, 'skipped'::text])))
);
ALTER TABLE ONLY public.replay_items
    ADD CONSTRAINT replay_items_pkey PRIMARY KEY (replay_id, "position");
ALTER TABLE ONLY public.replay_items
    ADD CONSTRAINT replay_items_replay_id_import_id_key UNIQUE (replay_id, import_id);
CREATE INDEX replay_items_begun ON public.replay_items USING btree (replay_id) WHERE (state = 'begun'::text);
CREATE INDEX replay_items_in_time ON public.replay_items USING btree (replay_id, begun_at) WHERE (begun_at IS NOT NULL);
CREATE INDEX replay_items_waiting ON public.replay_items USING btree (replay_id, "position") WHERE (state = 'waiting'::text);
ALTER TABLE public.replay_items ENABLE ROW LEVEL SECURITY;
CREATE POLICY services ON public.replay_items TO service_role USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.replay_items TO service_role;

CREATE TABLE public.replays (
    id uuid NOT NULL,
    ordinal bigint NOT NULL,
    state text DEFAULT 'planned'::text NOT NULL,
    stage text NOT NULL,
    which text[] NOT NULL,
    selection jsonb DEFAULT '{}'::jsonb NOT NULL,
    pipeline text NOT NULL,
    model text NOT NULL,
    prompt_version text NOT NULL,
    figures jsonb DEFAULT '{}'::jsonb NOT NULL,
    planned_by text DEFAULT ''::text NOT NULL,
    planned_at timestamp with time zone DEFAULT now() NOT NULL,
    run_by text DEFAULT ''::text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    rate double precision,
    canary integer,
    max_cost double precision,
    serve_anyway boolean DEFAULT false NOT NULL,
    paused_why text,
    canary_passed boolean DEFAULT false NOT NULL,
    spent double precision DEFAULT 0 NOT NULL,
    changes jsonb DEFAULT '[]'::jsonb NOT NULL,
    started_at timestamp with time zone,
    resumed_at timestamp with time zone,
    moved_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT replays_canary_check CHECK ((canary > 0)),
    CONSTRAINT replays_max_cost_check CHECK ((max_cost >= (0)::double precision)),
    CONSTRAINT replays_paused_why_check CHECK ((paused_why = ANY (ARRAY['asked'::text, 'canary'::text, 'max_cost'::text, 'unpriced'::text, 'passthrough'::text]))),
    CONSTRAINT replays_rate_check CHECK ((rate > (0)::double precision)),
    CONSTRAINT replays_stage_check CHECK ((stage = ANY (ARRAY['chunks'::text, 'facts'::text, 'memory'::text]))),
    CONSTRAINT replays_state_check CHECK ((state = ANY (ARRAY['planned'::text, 'running'::text, 'paused'::text, 'stopped'::text, 'done'::text]))),
    CONSTRAINT replays_which_check CHECK (((which <> '{}'::text[]) AND ((which <@ ARRAY['missing'::text, 'dead'::text]) OR ((which = '{stale}'::text[]) OR (which = '{all}'::text[])))))
);
ALTER TABLE public.replays ALTER COLUMN ordinal ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.replays_ordinal_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY public.replays
    ADD CONSTRAINT replays_pkey PRIMARY KEY (id);
CREATE INDEX replays_at_work ON public.replays USING btree (ordinal) WHERE (state = ANY (ARRAY['running'::text, 'paused'::text]));
CREATE UNIQUE INDEX replays_in_order ON public.replays USING btree (ordinal);
ALTER TABLE public.replays ENABLE ROW LEVEL SECURITY;
CREATE POLICY services ON public.replays TO service_role USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.replays TO service_role;

CREATE TABLE public.routing_decisions (
    import_id uuid NOT NULL,
    run integer NOT NULL,
    user_id uuid NOT NULL,
    lane text NOT NULL,
    reason text NOT NULL,
    bucket integer NOT NULL,
    share integer NOT NULL,
    policy_version integer NOT NULL,
    shadow boolean NOT NULL,
    decided_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT routing_decisions_reason_check CHECK ((reason = ANY (ARRAY['passthrough'::text, 'override'::text, 'explicit'::text, 'share'::text])))
);
ALTER TABLE ONLY public.routing_decisions
    ADD CONSTRAINT routing_decisions_pkey PRIMARY KEY (import_id, run);
CREATE INDEX routing_decisions_of_others ON public.routing_decisions USING btree (decided_at) WHERE (lane <> 'v1'::text);
CREATE INDEX routing_decisions_of_shadows ON public.routing_decisions USING btree (decided_at) WHERE shadow;
CREATE INDEX routing_decisions_of_v1 ON public.routing_decisions USING btree (decided_at) WHERE (lane = 'v1'::text);
ALTER TABLE public.routing_decisions ENABLE ROW LEVEL SECURITY;
CREATE POLICY services ON public.routing_decisions TO service_role USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.routing_decisions TO service_role;

CREATE TABLE public.routing_history (
    version integer NOT NULL,
    policy jsonb NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    reason text NOT NULL,
    figures jsonb
);
ALTER TABLE ONLY public.routing_history
    ADD CONSTRAINT routing_history_pkey PRIMARY KEY (version);
ALTER TABLE public.routing_history ENABLE ROW LEVEL SECURITY;
CREATE POLICY services ON public.routing_history TO service_role USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.routing_history TO service_role;

CREATE TABLE public.routing_overrides (
    user_id uuid NOT NULL,
    lane text NOT NULL,
    until timestamp with time zone,
    changed_by text DEFAULT ''::text NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    CONSTRAINT routing_overrides_lane_check CHECK ((lane ~ '^v[1-9][0-9]*$'::text))
);
ALTER TABLE ONLY public.routing_overrides
    ADD CONSTRAINT routing_overrides_pkey PRIMARY KEY (user_id);
ALTER TABLE public.routing_overrides ENABLE ROW LEVEL SECURITY;
CREATE POLICY services ON public.routing_overrides TO service_role USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.routing_overrides TO service_role;

CREATE TABLE public.routing_policy (
    id boolean DEFAULT true NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    mode text DEFAULT 'manual'::text NOT NULL,
    share integer DEFAULT 10000 NOT NULL,
    shadow integer DEFAULT 0 NOT NULL,
    passthrough boolean DEFAULT false NOT NULL,
    frozen boolean DEFAULT false NOT NULL,
    salt text DEFAULT 'canary'::text NOT NULL,
    entered_at timestamp with time zone DEFAULT now() NOT NULL,
    thresholds jsonb DEFAULT '{}'::jsonb NOT NULL,
    deprecated_at timestamp with time zone,
    sunset_at timestamp with time zone,
    changed_by text DEFAULT ''::text NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    CONSTRAINT routing_policy_check CHECK (((sunset_at >= COALESCE(deprecated_at, '1970-01-01 00:00:00+00'::timestamp with time zone)) AND (sunset_at <= '9999-01-01 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT routing_policy_deprecated_at_check CHECK (((deprecated_at >= '1970-01-01 00:00:00+00'::timestamp with time zone) AND (deprecated_at <= '9999-01-01 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT routing_policy_entered_at_check CHECK (((entered_at >= '2000-01-01 00:00:00+00'::timestamp with time zone) AND (entered_at <= '3000-01-01 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT routing_policy_id_check CHECK (id),
    CONSTRAINT routing_policy_mode_check CHECK ((mode = ANY (ARRAY['manual'::text, 'auto'::text]))),
    CONSTRAINT routing_policy_salt_check CHECK ((salt <> ''::text)),
    CONSTRAINT routing_policy_shadow_check CHECK (((shadow >= 0) AND (shadow <= 10000))),
    CONSTRAINT routing_policy_share_check CHECK (((share >= 0) AND (share <= 10000))),
    CONSTRAINT routing_policy_thresholds_check CHECK ((jsonb_typeof(thresholds) = 'object'::text)),
    CONSTRAINT routing_policy_thresholds_check1 CHECK ((NOT (thresholds @? '$.**?(@ > 1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000 || @ < -1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000)'::jsonpath)))
);
ALTER TABLE ONLY public.routing_policy
    ADD CONSTRAINT routing_policy_pkey PRIMARY KEY (id);
CREATE TRIGGER keep_policy AFTER INSERT OR UPDATE ON public.routing_policy FOR EACH ROW EXECUTE FUNCTION public.keep_policy();
CREATE TRIGGER line_up_to_change BEFORE DELETE OR UPDATE ON public.routing_policy FOR EACH STATEMENT EXECUTE FUNCTION public.line_up_to_change();
CREATE TRIGGER number_policy BEFORE INSERT OR UPDATE ON public.routing_policy FOR EACH ROW EXECUTE FUNCTION public.number_policy();
ALTER TABLE public.routing_policy ENABLE ROW LEVEL SECURITY;
CREATE POLICY services ON public.routing_policy TO service_role USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.routing_policy TO service_role;

CREATE TABLE public.served_memories (
    user_id uuid NOT NULL,
    import_id uuid,
    run integer,
    pipeline text,
    memory_import_id uuid,
    memory_run integer,
    profile_format text DEFAULT 'markdown'::text NOT NULL,
    documents jsonb DEFAULT '{}'::jsonb NOT NULL,
    served_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY public.served_memories
    ADD CONSTRAINT served_memories_pkey PRIMARY KEY (user_id);
CREATE POLICY own_rows ON public.served_memories FOR SELECT TO authenticated USING ((user_id = ( SELECT auth.uid() AS uid)));
ALTER TABLE public.served_memories ENABLE ROW LEVEL SECURITY;
CREATE POLICY services ON public.served_memories TO service_role USING (true) WITH CHECK (true);
GRANT SELECT ON TABLE public.served_memories TO authenticated;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.served_memories TO service_role;

CREATE TABLE public.service_holds (
    owner text NOT NULL,
    service text NOT NULL,
    hold text NOT NULL,
    reason text NOT NULL,
    since timestamp with time zone NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY public.service_holds
    ADD CONSTRAINT service_holds_pkey PRIMARY KEY (owner, service, hold);
ALTER TABLE public.service_holds ENABLE ROW LEVEL SECURITY;
CREATE POLICY services ON public.service_holds TO service_role USING (true) WITH CHECK (true);
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.service_holds TO service_role;

CREATE TABLE public.soulprint_migrations (
    version text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY public.soulprint_migrations
    ADD CONSTRAINT soulprint_migrations_pkey PRIMARY KEY (version);
CREATE POLICY services ON public.soulprint_migrations FOR SELECT TO service_role USING (true);
ALTER TABLE public.soulprint_migrations ENABLE ROW LEVEL SECURITY;
GRANT SELECT(version) ON TABLE public.soulprint_migrations TO service_role;
GRANT SELECT(checksum) ON TABLE public.soulprint_migrations TO service_role;

CREATE TABLE public.user_names (
    user_id uuid NOT NULL,
    name text NOT NULL,
    named_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT user_names_name_check CHECK ((name <> ''::text))
);
ALTER TABLE ONLY public.user_names
    ADD CONSTRAINT user_names_pkey PRIMARY KEY (user_id);
CREATE POLICY services ON public.user_names TO service_role USING (true) WITH CHECK (true);
ALTER TABLE public.user_names ENABLE ROW LEVEL SECURITY;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.user_names TO service_role;

CREATE TABLE public.user_profiles (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid NOT NULL,
    soul_md text,
    identity_md text,
    user_md text,
    agents_md text,
    tools_md text,
    memory_md text,
    soulprint_text text,
    import_status text DEFAULT 'none'::text,
    import_error text,
    import_stage text,
    progress_percent integer DEFAULT 0,
    processing_started_at timestamp with time zone,
    full_pass_status text DEFAULT 'pending'::text,
    full_pass_started_at timestamp with time zone,
    full_pass_completed_at timestamp with time zone,
    full_pass_error text,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    ai_name text,
    archetype text,
    storage_path text,
    file_type text DEFAULT 'json'::text,
    import_cost_json text,
    total_conversations integer DEFAULT 0,
    total_messages integer DEFAULT 0,
    total_chunks integer DEFAULT 0,
    processed_chunks integer DEFAULT 0,
    embedding_progress integer DEFAULT 0,
    embedding_status text DEFAULT 'pending'::text,
    memory_status text DEFAULT 'none'::text,
    soulprint_generated_at timestamp with time zone,
    import_id uuid,
    run integer,
    pipeline text,
    CONSTRAINT user_profiles_full_pass_status_check CHECK ((full_pass_status = ANY (ARRAY['pending'::text, 'processing'::text, 'complete'::text, 'failed'::text]))),
    CONSTRAINT user_profiles_import_status_check CHECK ((import_status = ANY (ARRAY['none'::text, 'quick_ready'::text, 'processing'::text, 'complete'::text, 'locked'::text, 'failed'::text])))
);
ALTER TABLE ONLY public.user_profiles
    ADD CONSTRAINT user_profiles_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.user_profiles
    ADD CONSTRAINT user_profiles_user_id_key UNIQUE (user_id);
CREATE POLICY own_rows ON public.user_profiles FOR SELECT TO authenticated USING ((user_id = ( SELECT auth.uid() AS uid)));
CREATE POLICY soulprint_services ON public.user_profiles TO service_role USING (true) WITH CHECK (true);
ALTER TABLE public.user_profiles ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON TABLE public.user_profiles TO authenticated;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.user_profiles TO service_role;

CREATE TABLE public.v1_calls (
    import_id uuid NOT NULL,
    run integer NOT NULL,
    user_id uuid NOT NULL,
    state text DEFAULT 'due'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    token uuid,
    conversation_count bigint,
    message_count bigint,
    memory_before text,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    posted_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT v1_calls_state_check CHECK ((state = ANY (ARRAY['due'::text, 'posted'::text, 'complete'::text, 'failed'::text, 'dropped'::text])))
);
ALTER TABLE ONLY public.v1_calls
    ADD CONSTRAINT v1_calls_pkey PRIMARY KEY (import_id, run);
ALTER TABLE ONLY public.v1_calls
    ADD CONSTRAINT v1_calls_token_key UNIQUE (token);
CREATE INDEX v1_calls_open ON public.v1_calls USING btree (state, due_at) WHERE (state = ANY (ARRAY['due'::text, 'posted'::text]));
CREATE POLICY services ON public.v1_calls TO service_role USING (true) WITH CHECK (true);
ALTER TABLE public.v1_calls ENABLE ROW LEVEL SECURITY;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.v1_calls TO service_role;

CREATE TABLE public.writing_cache (
    user_id uuid NOT NULL,
    model text NOT NULL COLLATE pg_catalog."C",
    version text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    part text NOT NULL,
    answer jsonb NOT NULL,
    import_id uuid NOT NULL,
    run integer NOT NULL,
    used_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT writing_cache_part_check CHECK ((part = ANY (ARRAY['reduce'::text, 'memory'::text, 'sections'::text])))
);
ALTER TABLE ONLY public.writing_cache
    ADD CONSTRAINT writing_cache_pkey PRIMARY KEY (user_id, model, version, digest);
CREATE POLICY services ON public.writing_cache TO service_role USING (true) WITH CHECK (true);
ALTER TABLE public.writing_cache ENABLE ROW LEVEL SECURITY;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.writing_cache TO service_role;

CREATE VIEW public.run_usage WITH (security_invoker='true') AS
 SELECT i.user_id,
    i.import_id,
    i.run,
    i.pipeline,
    i.state,
    i.begun_at,
    u.calls,
    u.input_tokens,
    u.output_tokens,
    u.cache_read_tokens,
    u.cache_write_tokens,
    u.unanswered,
    u.cost
   FROM (public.imports i
     CROSS JOIN LATERAL ( SELECT (LEAST(COALESCE(sum(((p.usage ->> 'calls'::text))::bigint), (0)::numeric), ('9007199254740991'::bigint)::numeric))::bigint AS calls,
            (LEAST(COALESCE(sum(((p.usage ->> 'input_tokens'::text))::bigint), (0)::numeric), ('9007199254740991'::bigint)::numeric))::bigint AS input_tokens,
            (LEAST(COALESCE(sum(((p.usage ->> 'output_tokens'::text))::bigint), (0)::numeric), ('9007199254740991'::bigint)::numeric))::bigint AS output_tokens,
            (LEAST(COALESCE(sum(((p.usage ->> 'cache_read_tokens'::text))::bigint), (0)::numeric), ('9007199254740991'::bigint)::numeric))::bigint AS cache_read_tokens,
            (LEAST(COALESCE(sum(((p.usage ->> 'cache_write_tokens'::text))::bigint), (0)::numeric), ('9007199254740991'::bigint)::numeric))::bigint AS cache_write_tokens,
            (LEAST(COALESCE(sum(((p.usage ->> 'unanswered'::text))::bigint), (0)::numeric), ('9007199254740991'::bigint)::numeric))::bigint AS unanswered,
                CASE
                    WHEN bool_or(((p.usage ->> 'cost'::text) IS NULL)) THEN NULL::numeric
                    ELSE LEAST(COALESCE(sum(((p.usage ->> 'cost'::text))::numeric), (0)::numeric), '1000000000'::numeric)
                END AS cost
           FROM ( SELECT i.usage
                  WHERE (i.usage <> '{}'::jsonb)
                UNION ALL
                 SELECT r.usage
                   FROM public.chunk_results r
                  WHERE ((i.usage = '{}'::jsonb) AND (r.import_id = i.import_id) AND (r.run = i.run) AND (r.usage IS NOT NULL))
                UNION ALL
                 SELECT i.spent_before
                  WHERE ((i.usage = '{}'::jsonb) AND (i.spent_before <> '{}'::jsonb))) p) u);
GRANT SELECT ON TABLE public.run_usage TO authenticated;
GRANT SELECT ON TABLE public.run_usage TO service_role;

CREATE VIEW public.user_usage WITH (security_invoker='true') AS
 SELECT user_id,
    count(*) AS runs,
    (LEAST(sum(calls), ('9007199254740991'::bigint)::numeric))::bigint AS calls,
    (LEAST(sum(input_tokens), ('9007199254740991'::bigint)::numeric))::bigint AS input_tokens,
    (LEAST(sum(output_tokens), ('9007199254740991'::bigint)::numeric))::bigint AS output_tokens,
    (LEAST(sum(cache_read_tokens), ('9007199254740991'::bigint)::numeric))::bigint AS cache_read_tokens,
    (LEAST(sum(cache_write_tokens), ('9007199254740991'::bigint)::numeric))::bigint AS cache_write_tokens,
    (LEAST(sum(unanswered), ('9007199254740991'::bigint)::numeric))::bigint AS unanswered,
        CASE
            WHEN bool_or((cost IS NULL)) THEN NULL::numeric
            ELSE LEAST(sum(cost), '1000000000'::numeric)
        END AS cost
   FROM public.run_usage
  GROUP BY user_id;
GRANT SELECT ON TABLE public.user_usage TO authenticated;
GRANT SELECT ON TABLE public.user_usage TO service_role;

CREATE FUNCTION public.accept_import(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.accept_import(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.accept_import(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.accept_import(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.accept_memory(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET statement_timeout TO '450s'
    AS $$
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
REVOKE ALL ON FUNCTION public.accept_memory(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.accept_memory(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.accept_memory(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.account_numbers(i public.imports, p_lineage text) RETURNS smallint[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT ARRAY(SELECT key::smallint FROM jsonb_each(accounts_of(i)) WHERE value ->> 'lineage' = p_lineage)
$$;
REVOKE ALL ON FUNCTION public.account_numbers(i public.imports, p_lineage text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.account_numbers(i public.imports, p_lineage text) TO service_role;

CREATE FUNCTION public.accounts_of(i public.imports) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(jsonb_object_agg(a.number, jsonb_build_object(
        'vendor', a.e ->> 'vendor', 'lineage', a.e ->> 'lineage')), '{}')
    FROM (
        SELECT n - 1 AS number, e FROM jsonb_array_elements(i.accounts) WITH ORDINALITY AS x(e, n)
        WHERE NOT i.joined @> jsonb_build_array(jsonb_build_object('lineage', e -> 'lineage'))
        UNION ALL
        SELECT first_joined() + n - 1, e FROM jsonb_array_elements(i.joined) WITH ORDINALITY AS x(e, n)) a
$$;
REVOKE ALL ON FUNCTION public.accounts_of(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.accounts_of(i public.imports) TO service_role;

CREATE FUNCTION public.add_fallback(i public.imports) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO imports (import_id, run, user_id, pipeline, kind, source, on_log, profile_format, lineage, asked,
                         requested_at)
    SELECT i.import_id, i.run + 1, i.user_id, 'v1', 'fallback', i.source, true, i.profile_format, i.lineage, i.asked,
           i.requested_at + interval '1 microsecond'
    WHERE i.state = 'failed' AND i.kind = 'primary' AND i.on_log AND i.pipeline <> 'v1' AND i.replay_id IS NULL
      AND NOT EXISTS (
          SELECT FROM imports o
          WHERE o.import_id = i.import_id AND (o.run > i.run OR o.kind = 'fallback'))
      AND NOT EXISTS (SELECT FROM user_profiles p WHERE p.user_id = i.user_id AND has_sections(p));
END
$$;
REVOKE ALL ON FUNCTION public.add_fallback(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.add_fallback(i public.imports) TO service_role;

CREATE FUNCTION public.add_shadow(i public.imports, p_pipeline text, shadow_id uuid) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.add_shadow(i public.imports, p_pipeline text, shadow_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.add_shadow(i public.imports, p_pipeline text, shadow_id uuid) TO service_role;

CREATE FUNCTION public.advance_replays(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET statement_timeout TO '450s'
    AS $$
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
REVOKE ALL ON FUNCTION public.advance_replays(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.advance_replays(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.advance_replays(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.app_cost(usage jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.app_cost(usage jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.app_cost(usage jsonb) TO service_role;

CREATE FUNCTION public.app_progress(i public.imports, OUT stage text, OUT percent integer) RETURNS record
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.app_progress(i public.imports, OUT stage text, OUT percent integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.app_progress(i public.imports, OUT stage text, OUT percent integer) TO service_role;

CREATE FUNCTION public.begin_next(r public.replays) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.begin_next(r public.replays) FROM PUBLIC;
GRANT ALL ON FUNCTION public.begin_next(r public.replays) TO service_role;

CREATE FUNCTION public.begin_replay_run(r public.replays, x public.replay_items) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.begin_replay_run(r public.replays, x public.replay_items) FROM PUBLIC;
GRANT ALL ON FUNCTION public.begin_replay_run(r public.replays, x public.replay_items) TO service_role;

CREATE FUNCTION public.bound_request_time() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    NEW.requested_at := least(greatest(NEW.requested_at, '1970-01-01 00:00:00+00'), '9998-12-31 00:00:00+00');
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION public.bound_request_time() FROM PUBLIC;

CREATE FUNCTION public.broken_in(i public.imports, p_lineage text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(jsonb_agg(b ORDER BY n, m), '[]')
    FROM jsonb_array_elements(i.accounts) WITH ORDINALITY AS x(e, n),
         jsonb_array_elements(coalesce(e -> 'breaks', '[]')) WITH ORDINALITY AS y(b, m)
    WHERE e ->> 'lineage' = p_lineage
$$;
REVOKE ALL ON FUNCTION public.broken_in(i public.imports, p_lineage text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.broken_in(i public.imports, p_lineage text) TO service_role;

CREATE FUNCTION public.cached_hashes(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_agg(c.content_hash), '[]')
    FROM extraction_cache c
    WHERE c.user_id = (argument ->> 'user_id')::uuid
      AND c.model = argument ->> 'model' AND c.prompt_version = argument ->> 'prompt_version'
      AND c.content_hash = ANY (ARRAY(SELECT jsonb_array_elements_text(argument -> 'hashes')))
$$;
REVOKE ALL ON FUNCTION public.cached_hashes(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.cached_hashes(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.cached_hashes(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.came_out_worse(i public.imports, p_coverage jsonb, p_facts jsonb) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.came_out_worse(i public.imports, p_coverage jsonb, p_facts jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.came_out_worse(i public.imports, p_coverage jsonb, p_facts jsonb) TO service_role;

CREATE FUNCTION public.cancel_replay_runs(p_id uuid, overtaken boolean, p_why text) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.cancel_replay_runs(p_id uuid, overtaken boolean, p_why text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.cancel_replay_runs(p_id uuid, overtaken boolean, p_why text) TO service_role;

CREATE FUNCTION public.cancel_run(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    i imports;
BEGIN
    -- in the order of record_chunks, so that neither waits for the other in a circle
    PERFORM FROM imports n
        WHERE n.import_id = (argument ->> 'import_id')::uuid
              AND (n.run = (argument ->> 'run')::integer OR n.kind = 'fallback')
           OR n.parent_id = (argument ->> 'import_id')::uuid
        ORDER BY n.import_id, n.run FOR UPDATE;
    SELECT * INTO i FROM imports n
        WHERE n.import_id = (argument ->> 'import_id')::uuid AND n.run = (argument ->> 'run')::integer;
    IF is_opened_again(i) THEN
        i := close_reopened(i, 'the import was cancelled');
        PERFORM tell_profile(i);
        RETURN to_jsonb(true);
    END IF;
    UPDATE imports SET
            state = 'cancelled', finished_at = now(), updated_at = now(),
            lease_owner = NULL, lease_until = NULL
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND state NOT IN ('complete', 'failed', 'cancelled')
        RETURNING * INTO i;
    IF NOT FOUND THEN
        RETURN to_jsonb(false);
    END IF;
    IF i.kind = 'primary' THEN
        UPDATE imports o SET
                state = 'cancelled', finished_at = now(), updated_at = now(),
                lease_owner = NULL, lease_until = NULL
            WHERE (o.parent_id = i.import_id OR o.import_id = i.import_id AND o.kind = 'fallback')
              AND o.user_id = i.user_id AND o.state NOT IN ('complete', 'failed', 'cancelled');
    END IF;
    PERFORM tell_profile(i);
    RETURN to_jsonb(true);
END
$$;
REVOKE ALL ON FUNCTION public.cancel_run(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.cancel_run(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.cancel_run(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.change_policy(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.change_policy(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.change_policy(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.change_policy(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.choose_imports(r public.replays, OUT import_id uuid, OUT user_id uuid, OUT run integer, OUT why text) RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    WITH seen AS MATERIALIZED (SELECT * FROM weigh_imports(r))
    (SELECT s.import_id, s.user_id, s.run, s.why FROM seen s WHERE s.why IS NULL
     ORDER BY sampled_at(s.import_id), s.import_id
     LIMIT CASE WHEN r.selection ->> 'sample' NOT LIKE '%\%' THEN (r.selection ->> 'sample')::integer END)
    UNION ALL
    SELECT s.import_id, s.user_id, s.run, s.why FROM seen s WHERE s.why IS NOT NULL
$$;
REVOKE ALL ON FUNCTION public.choose_imports(r public.replays, OUT import_id uuid, OUT user_id uuid, OUT run integer, OUT why text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.choose_imports(r public.replays, OUT import_id uuid, OUT user_id uuid, OUT run integer, OUT why text) TO service_role;

CREATE FUNCTION public.chunk_hashes(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_agg(json_build_array(c.chunk_index, c.content_hash) ORDER BY c.chunk_index), '[]')
    FROM chunk_results c
    WHERE c.import_id = (argument ->> 'import_id')::uuid AND c.run = (argument ->> 'run')::integer
      AND c.chunk_index = ANY (ARRAY(SELECT k::integer FROM jsonb_array_elements_text(argument -> 'indices') k))
      AND c.content_hash <> ''
$$;
REVOKE ALL ON FUNCTION public.chunk_hashes(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.chunk_hashes(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.chunk_hashes(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.claim_run(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET statement_timeout TO '450s'
    AS $$
DECLARE
    a record;
    i imports;
    refusal text;
    joining jsonb;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        import_id uuid, run integer, owner text, lease_seconds double precision);
    SELECT * INTO i FROM imports WHERE import_id = a.import_id AND run = a.run FOR UPDATE;
    refusal := CASE
        WHEN i.import_id IS NULL THEN 'unknown'
        WHEN i.state IN ('complete', 'failed', 'cancelled') THEN i.state
        WHEN i.published_at IS NOT NULL THEN 'published'
        WHEN NOT is_complete_run(i) THEN 'incomplete'
        WHEN i.lease_owner <> a.owner AND i.lease_until > clock_timestamp() THEN 'leased'
    END;
    IF refusal IS NULL THEN
        UPDATE imports SET
                state = 'consolidating', lease_owner = a.owner,
                lease_until = clock_timestamp() + make_interval(secs => a.lease_seconds),
                claimed_at = coalesce(claimed_at, now()), updated_at = now()
            WHERE import_id = a.import_id AND run = a.run RETURNING * INTO i;
        PERFORM tell_profile(i);
        UPDATE facts SET status = 'current', support = 1, superseded_by = NULL, merged_into = NULL
            WHERE import_id = a.import_id AND run = a.run
              AND (status <> 'current' OR support <> 1);
        joining := join_for(i);
        IF joining <> '[]' OR i.joined <> '[]' OR jsonb_array_length(i.accounts) > 1 THEN
            i := join_lineages(i, joining);
        END IF;
    END IF;
    RETURN jsonb_build_object('claimed', refusal IS NULL, 'reason', refusal, 'edition', coalesce(i.edition, 0));
END
$$;
REVOKE ALL ON FUNCTION public.claim_run(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.claim_run(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.claim_run(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.close_batch_chunks(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    DELETE FROM batch_chunks b
    WHERE b.provider = argument ->> 'provider' AND (
        b.batch_id = argument ->> 'batch_id'
        OR b.content_hash IN (SELECT jsonb_array_elements_text(argument -> 'hashes')));
    RETURN to_jsonb(true);
END
$$;
REVOKE ALL ON FUNCTION public.close_batch_chunks(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.close_batch_chunks(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.close_batch_chunks(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.close_extraction(p_import_id uuid, p_run integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    DELETE FROM facts f
        USING (
            SELECT each.conversation_id, coalesce(each.account, 0) AS account, max(each.before_index) AS before_index
                FROM imports i, jsonb_to_recordset(i.superseded) AS each(
                    conversation_id text, before_index integer, account smallint)
                WHERE i.import_id = p_import_id AND i.run = p_run
                GROUP BY 1, 2) s
        WHERE f.import_id = p_import_id AND f.run = p_run
          AND f.conversation_id = s.conversation_id COLLATE "C" AND f.chunk_index < s.before_index
          AND f.account = s.account;
    UPDATE imports i SET
            facts_extracted = (
                SELECT count(*) FROM facts f WHERE f.import_id = p_import_id AND f.run = p_run),
            extracted_at = coalesce(i.extracted_at, now()), updated_at = now()
        WHERE i.import_id = p_import_id AND i.run = p_run;
END
$$;
REVOKE ALL ON FUNCTION public.close_extraction(p_import_id uuid, p_run integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.close_extraction(p_import_id uuid, p_run integer) TO service_role;

CREATE FUNCTION public.close_reopened(i public.imports, why text) RETURNS public.imports
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.close_reopened(i public.imports, why text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.close_reopened(i public.imports, why text) TO service_role;

CREATE FUNCTION public.commit_memory(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET statement_timeout TO '450s'
    AS $$
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
REVOKE ALL ON FUNCTION public.commit_memory(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.commit_memory(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.commit_memory(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.continue_replay(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.continue_replay(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.continue_replay(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.continue_replay(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.count_embeddings(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET statement_timeout TO '450s'
    AS $$
DECLARE
    passages bigint;
    lacking bigint;
    refused bigint := 0;
BEGIN
    IF (argument ->> 'total')::boolean OR NOT EXISTS (SELECT FROM embedding_type()) THEN
        SELECT count(*) INTO passages FROM conversation_chunks;
    END IF;
    lacking := passages;
    IF EXISTS (SELECT FROM embedding_type()) THEN
        EXECUTE 'SELECT count(*) FROM conversation_chunks c WHERE c.embedding IS NULL' INTO lacking;
        EXECUTE 'SELECT count(*) FROM embedding_claims e JOIN conversation_chunks c ON c.id = e.passage_id
                 WHERE e.refused IS NOT NULL AND c.embedding IS NULL' INTO refused;
    END IF;
    RETURN jsonb_build_object('passages', passages, 'lacking', lacking, 'refused', refused, 'models', (
        SELECT coalesce(jsonb_agg(DISTINCT u.model), '[]') FROM embedding_usage u WHERE u.passages > 0));
END
$$;
REVOKE ALL ON FUNCTION public.count_embeddings(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.count_embeddings(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.count_embeddings(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.count_fed(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_object_agg(t.state, t.runs), '{}') FROM (
        SELECT s.state, count(*) AS runs FROM imports s
        WHERE s.kind = 'shadow' AND s.priority = 'replay' AND s.pipeline = argument ->> 'pipeline'
        GROUP BY s.state ORDER BY s.state) t
$$;
REVOKE ALL ON FUNCTION public.count_fed(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.count_fed(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.count_fed(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.count_lineages(i public.imports) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    UPDATE lineages l SET import_id = i.import_id, run = i.run, conversations = (
            SELECT sum((e ->> 'conversations')::bigint) FROM jsonb_array_elements(i.accounts) e
            WHERE e ->> 'lineage' = l.lineage)
        WHERE l.user_id = i.user_id AND l.lineage = ANY (own_lineages(i))
          AND NOT i.joined @> jsonb_build_array(jsonb_build_object('lineage', l.lineage))
$$;
REVOKE ALL ON FUNCTION public.count_lineages(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.count_lineages(i public.imports) TO service_role;

CREATE FUNCTION public.count_open_letters(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT d.topic, coalesce(d.reason, '') AS reason, count(*) AS open FROM dead_letters d
        WHERE d.state = 'open' GROUP BY d.topic, d.reason
        ORDER BY count(*) DESC, d.topic, d.reason LIMIT (argument ->> 'limit')::integer) t
$$;
REVOKE ALL ON FUNCTION public.count_open_letters(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.count_open_letters(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.count_open_letters(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.count_selected(r public.replays) RETURNS bigint
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT count(*) FROM choose_imports(r) c WHERE c.why IS NULL
$$;
REVOKE ALL ON FUNCTION public.count_selected(r public.replays) FROM PUBLIC;
GRANT ALL ON FUNCTION public.count_selected(r public.replays) TO service_role;

CREATE FUNCTION public.decide_lane(p public.routing_policy, p_user uuid, asked_for text, served text, OUT lane text, OUT reason text, OUT bucket integer, OUT shadow boolean) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.decide_lane(p public.routing_policy, p_user uuid, asked_for text, served text, OUT lane text, OUT reason text, OUT bucket integer, OUT shadow boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION public.decide_lane(p public.routing_policy, p_user uuid, asked_for text, served text, OUT lane text, OUT reason text, OUT bucket integer, OUT shadow boolean) TO service_role;

CREATE FUNCTION public.drop_stale_embedding() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    IF NEW.content IS NOT DISTINCT FROM OLD.content THEN
        RETURN NEW;
    END IF;
    BEGIN
        IF OLD.embedding IS NOT NULL AND NEW.embedding::text IS NOT DISTINCT FROM OLD.embedding::text THEN
            NEW.embedding := NULL;
        END IF;
    EXCEPTION WHEN undefined_column THEN
        NULL;  -- dropped since
    END;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION public.drop_stale_embedding() FROM PUBLIC;

CREATE FUNCTION public.embedding_column(argument jsonb) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT jsonb_build_object('type', split_part(e.written, '.', 2), 'dimensions', e.dimensions)
    FROM embedding_type() e
$$;
REVOKE ALL ON FUNCTION public.embedding_column(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.embedding_column(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.embedding_column(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.embedding_counts(p_user uuid, OUT passages bigint, OUT lacking bigint, OUT refused bigint) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $_$
BEGIN
    SELECT count(*) INTO passages FROM conversation_chunks c WHERE c.user_id = p_user;
    lacking := passages;
    refused := 0;
    IF EXISTS (SELECT FROM embedding_type()) THEN
        EXECUTE 'SELECT count(*) FROM conversation_chunks c WHERE c.user_id = $1 AND c.embedding IS NULL'
            INTO lacking USING p_user;
        EXECUTE 'SELECT count(*) FROM embedding_claims e JOIN conversation_chunks c ON c.id = e.passage_id
                 WHERE e.user_id = $1 AND e.refused IS NOT NULL AND c.embedding IS NULL'
            INTO refused USING p_user;
    END IF;
END
$_$;
REVOKE ALL ON FUNCTION public.embedding_counts(p_user uuid, OUT passages bigint, OUT lacking bigint, OUT refused bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.embedding_counts(p_user uuid, OUT passages bigint, OUT lacking bigint, OUT refused bigint) TO service_role;

CREATE FUNCTION public.embedding_type(OUT written text, OUT distance text, OUT dimensions integer) RETURNS SETOF record
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT format('%I.%I', n.nspname, t.typname), format('OPERATOR(%I.<=>)', n.nspname), nullif(a.atttypmod, -1)
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE a.attrelid = 'public.conversation_chunks'::regclass AND a.attname = 'embedding' AND NOT a.attisdropped
$$;
REVOKE ALL ON FUNCTION public.embedding_type(OUT written text, OUT distance text, OUT dimensions integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.embedding_type(OUT written text, OUT distance text, OUT dimensions integer) TO service_role;

CREATE FUNCTION public.embedding_users(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_agg(t.user_id), '[]')
    FROM (SELECT user_id FROM embedding_turns WHERE told ORDER BY user_id
          LIMIT (argument ->> 'limit')::integer) t
$$;
REVOKE ALL ON FUNCTION public.embedding_users(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.embedding_users(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.embedding_users(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.end_v1_call(i public.imports, outcome text, reason text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.end_v1_call(i public.imports, outcome text, reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.end_v1_call(i public.imports, outcome text, reason text) TO service_role;

CREATE FUNCTION public.explain_routing(argument jsonb) RETURNS json
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_agg(json_build_object(
        'user_id', u.id, 'bucket', d.bucket, 'lane', d.lane, 'reason', d.reason, 'shadow', d.shadow) ORDER BY u.n), '[]')
    FROM held_policy() p,
         ROWS FROM (jsonb_array_elements_text(argument -> 'users')) WITH ORDINALITY AS x(v, n)
         CROSS JOIN LATERAL (SELECT x.v::uuid AS id, x.n) u
         CROSS JOIN LATERAL decide_lane(p, u.id, NULL, argument ->> 'served') d
$$;
REVOKE ALL ON FUNCTION public.explain_routing(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.explain_routing(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.explain_routing(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.extraction_usage(i public.imports) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT jsonb_build_object(
        'calls',
        least(coalesce(sum((r.usage ->> 'calls')::bigint), 0), 9007199254740991)::bigint,
        'input_tokens',
        least(coalesce(sum((r.usage ->> 'input_tokens')::bigint), 0), 9007199254740991)::bigint,
        'output_tokens',
        least(coalesce(sum((r.usage ->> 'output_tokens')::bigint), 0), 9007199254740991)::bigint,
        'cache_read_tokens',
        least(coalesce(sum((r.usage ->> 'cache_read_tokens')::bigint), 0), 9007199254740991)::bigint,
        'cache_write_tokens',
        least(coalesce(sum((r.usage ->> 'cache_write_tokens')::bigint), 0), 9007199254740991)::bigint,
        'unanswered',
        least(coalesce(sum((r.usage ->> 'unanswered')::bigint), 0), 9007199254740991)::bigint,
        'cost', CASE WHEN bool_or(r.usage ->> 'cost' IS NULL) THEN NULL
                     ELSE least(coalesce(sum((r.usage ->> 'cost')::numeric), 0), 1e9) END)
    FROM (
        SELECT c.usage FROM chunk_results c
        WHERE c.import_id = i.import_id AND c.run = i.run AND c.usage IS NOT NULL
        UNION ALL
        SELECT i.spent_before WHERE i.spent_before <> '{}') r
$$;
REVOKE ALL ON FUNCTION public.extraction_usage(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.extraction_usage(i public.imports) TO service_role;

CREATE FUNCTION public.fail_run(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    at_fault CONSTANT boolean := coalesce((argument ->> 'at_fault')::boolean, false);
    i imports;
BEGIN
    IF NOT at_fault THEN
        PERFORM hold_runs((argument ->> 'import_id')::uuid, (argument ->> 'run')::integer);
    END IF;
    UPDATE imports SET
            state = 'failed', finished_at = now(), updated_at = now(), lease_owner = NULL, lease_until = NULL,
            error = jsonb_build_object('step', argument ->> 'step', 'message', argument ->> 'error')
                || CASE WHEN at_fault THEN '{"at_fault": true}' ELSE '{}' END::jsonb
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND state NOT IN ('complete', 'failed', 'cancelled')
        RETURNING * INTO i;
    IF NOT FOUND THEN
        RETURN to_jsonb(false);
    END IF;
    IF i.reopened_from ->> 'state' = 'complete' THEN
        i := close_reopened(i, (argument ->> 'step') || ' failed: ' || (argument ->> 'error'));
    ELSIF NOT at_fault THEN
        PERFORM add_fallback(i);
    END IF;
    PERFORM tell_profile(i);
    RETURN to_jsonb(true);
END
$$;
REVOKE ALL ON FUNCTION public.fail_run(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.fail_run(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.fail_run(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.fate_of(r public.chunk_results) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT CASE WHEN r.status = 'ok' THEN 'ok' WHEN r.error LIKE 'missing:%' THEN 'missing' ELSE 'dead' END
$$;
REVOKE ALL ON FUNCTION public.fate_of(r public.chunk_results) FROM PUBLIC;
GRANT ALL ON FUNCTION public.fate_of(r public.chunk_results) TO service_role;

CREATE FUNCTION public.feed_runs(argument jsonb) RETURNS json
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.feed_runs(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.feed_runs(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.feed_runs(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.find_dead_letters(argument jsonb) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $_$
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
$_$;
REVOKE ALL ON FUNCTION public.find_dead_letters(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.find_dead_letters(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.find_dead_letters(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.find_fact(argument jsonb) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $_$
DECLARE
    digits text := lower(replace(argument ->> 'prefix', '-', ''));
BEGIN
    IF digits !~ '^[0-9a-f]{1,32}$' THEN
        RETURN '[]';
    END IF;
    RETURN coalesce(shown_facts(ARRAY(
        SELECT f FROM served_memories s
        JOIN facts f ON f.import_id = s.memory_import_id AND f.run = s.memory_run AND f.user_id = s.user_id
        WHERE s.user_id = (argument ->> 'user_id')::uuid
          AND f.status <> 'hidden'
          AND f.fact_id BETWEEN rpad(digits, 32, '0')::uuid AND rpad(digits, 32, 'f')::uuid
        ORDER BY f.fact_id LIMIT 10)), '[]');
END
$_$;
REVOKE ALL ON FUNCTION public.find_fact(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.find_fact(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.find_fact(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.find_lineage(i public.imports, number integer, p_vendor text, p_account text, history text, p_conversations bigint) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    found text := i.lineage;
BEGIN
    IF found IS NULL AND p_account IS NOT NULL THEN
        SELECT l.lineage INTO found
        FROM lineages l LEFT JOIN imports c ON c.import_id = l.import_id AND c.run = l.run
        WHERE l.user_id = i.user_id AND l.vendor = p_vendor AND l.account = p_account
        ORDER BY c.requested_at DESC NULLS LAST, c.ordinal DESC, l.lineage LIMIT 1;
    END IF;
    IF found IS NULL AND EXISTS (
        SELECT FROM lineages l WHERE l.user_id = i.user_id AND l.vendor = p_vendor
          AND (p_account IS NULL OR l.account IS NULL)) THEN
        SELECT l.lineage INTO found
        FROM (SELECT r.lineage, count(*) AS shared FROM conversation_runs r
              WHERE r.user_id = i.user_id AND r.ordinal = i.ordinal AND r.account = number
              GROUP BY r.lineage) r
        JOIN lineages l ON l.user_id = i.user_id AND l.lineage = r.lineage AND l.vendor = p_vendor
        WHERE (p_account IS NULL OR l.account IS NULL)
          AND 2 * r.shared >= least(p_conversations, coalesce(l.conversations, p_conversations))
        ORDER BY r.shared DESC, l.lineage LIMIT 1;
    END IF;
    RETURN coalesce(found, p_account, history);
END
$$;
REVOKE ALL ON FUNCTION public.find_lineage(i public.imports, number integer, p_vendor text, p_account text, history text, p_conversations bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.find_lineage(i public.imports, number integer, p_vendor text, p_account text, history text, p_conversations bigint) TO service_role;

CREATE FUNCTION public.find_run(argument jsonb) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT told_run(i) || jsonb_build_object('quick', (
        SELECT jsonb_build_object('import_id', q.import_id, 'run', q.run, 'state', told_state(q)) FROM imports q
        WHERE q.parent_id = i.import_id AND q.run = i.run AND q.kind = 'quick' AND i.kind = 'primary' LIMIT 1), 'fallback', (
        SELECT jsonb_build_object('import_id', f.import_id, 'run', f.run, 'state', told_state(f)) FROM imports f
        WHERE f.import_id = i.import_id AND f.run = i.run + 1 AND f.kind = 'fallback'))
    FROM imports i
    WHERE i.import_id = (argument ->> 'import_id')::uuid
      AND (argument ->> 'user_id' IS NULL OR (i.user_id = (argument ->> 'user_id')::uuid AND i.kind <> 'shadow'))
      AND i.run = coalesce((argument ->> 'run')::integer, (
          SELECT n.run FROM imports n WHERE n.import_id = (argument ->> 'import_id')::uuid AND NOT is_silent(n)
          ORDER BY n.run DESC LIMIT 1))
$$;
REVOKE ALL ON FUNCTION public.find_run(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.find_run(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.find_run(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.find_stalled(argument jsonb) RETURNS json
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    stall double precision := (argument ->> 'stall_seconds')::double precision;
    sole uuid := (argument ->> 'import_id')::uuid;
    answer json;
BEGIN
    DELETE FROM memory_outbox o USING imports i
        WHERE i.import_id = o.import_id AND i.run = o.run
          AND i.state IN ('complete', 'failed', 'cancelled');
    WITH judged AS (
        SELECT i.import_id, i.run, i.chunks_ok + i.chunks_dead AS done, i.updated_at, i.redriven_at,
               CASE WHEN i.redriven_done = i.chunks_ok + i.chunks_dead THEN i.redrives ELSE 0 END AS redrives,
               CASE WHEN is_complete_run(i) THEN 'consolidate'
                    WHEN i.published_at IS NOT NULL THEN 'publish'
                    ELSE 'import' END AS action
        FROM imports i
        WHERE i.state NOT IN ('complete', 'failed', 'cancelled')
          AND i.pipeline = argument ->> 'pipeline'
          AND NOT (i.state = 'received' AND coalesce((argument ->> 'begun')::boolean, false))
          AND CASE WHEN sole IS NULL THEN i.on_log ELSE i.import_id = sole AND NOT i.on_log END
          AND (i.lease_until IS NULL OR i.lease_until < clock_timestamp()
               OR i.lease_owner = argument ->> 'owner')
          AND NOT EXISTS (SELECT FROM imports o  -- OFFSET 0 keeps it a probe
                          WHERE o.import_id = i.import_id AND o.run > i.run AND o.kind = i.kind OFFSET 0)
    ), timed AS (
        -- Only a run to consolidate keeps its updated_at when it is driven: greatest() makes it wait too.
        SELECT *, greatest(updated_at, redriven_at)
                  < now() - make_interval(secs => stall * 2 ^ least(redrives, 6)) AS stood_still
        FROM judged
    ), due AS (
        SELECT * FROM timed WHERE action = 'consolidate' OR stood_still
        ORDER BY updated_at LIMIT (argument ->> 'limit')::integer
    ), held AS MATERIALIZED (  -- in the order of record_chunks
        SELECT i.import_id, i.run FROM imports i JOIN due d ON d.import_id = i.import_id AND d.run = i.run
        ORDER BY i.import_id, i.run FOR UPDATE OF i
    ), driven AS (
        UPDATE imports i SET
                redrives = CASE WHEN d.stood_still THEN d.redrives + 1 ELSE i.redrives END,
                redriven_at = CASE WHEN d.stood_still THEN now() ELSE i.redriven_at END,
                redriven_done = CASE WHEN d.stood_still THEN d.done ELSE i.redriven_done END,
                updated_at = CASE WHEN d.action = 'consolidate' THEN i.updated_at ELSE now() END
        FROM held h JOIN due d ON d.import_id = h.import_id AND d.run = h.run
        WHERE i.import_id = h.import_id AND i.run = h.run
        RETURNING i.import_id, i.run, i.user_id, i.source, i.requested_at, i.lineage, i.kind, i.parent_id,
                  i.priority, i.redrives, d.action, d.stood_still
    )
    SELECT json_agg(json_build_object(
        'import_id', import_id, 'run', run, 'user_id', user_id, 'source', source,
        'requested_at', requested_at, 'lineage', lineage, 'kind', kind, 'parent_id', parent_id, 'priority', priority,
        'action', action, 'redrives', redrives, 'driven', stood_still)) INTO answer FROM driven;
    RETURN coalesce(answer, '[]');
END
$$;
REVOKE ALL ON FUNCTION public.find_stalled(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.find_stalled(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.find_stalled(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.finish_chunking(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET statement_timeout TO '450s'
    AS $$
DECLARE
    a record;
    i imports;
    forgotten text[];
    newer text[];
    resolved jsonb;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        import_id uuid, run integer, total integer, counts jsonb, sample jsonb, superseded jsonb,
        breaks jsonb, forgotten jsonb, accounts jsonb);
    SELECT * INTO i FROM imports WHERE import_id = a.import_id AND run = a.run FOR UPDATE;
    IF NOT FOUND THEN
        RETURN jsonb_build_object('complete', false, 'ignored', 'unknown');
    ELSIF i.state NOT IN ('chunking', 'extracting') THEN
        RETURN jsonb_build_object('complete', is_complete_run(i), 'ignored', i.state);
    END IF;
    DELETE FROM chunk_results WHERE import_id = a.import_id AND run = a.run AND chunk_index >= a.total;
    IF FOUND THEN
        DELETE FROM facts WHERE import_id = a.import_id AND run = a.run AND chunk_index >= a.total;
    END IF;
    forgotten := ARRAY(SELECT DISTINCT g FROM jsonb_array_elements_text(coalesce(a.forgotten, '[]')) g);
    IF i.kind <> 'shadow' THEN
        newer := take_conversations(i.user_id, i.requested_at, i.ordinal, forgotten, '{}');
        DELETE FROM conversation_chunks c
            USING unnest(forgotten) AS gone(conversation_id)
            WHERE c.user_id = i.user_id AND c.conversation_id COLLATE "C" = gone.conversation_id
              AND c.passage_index IS NOT NULL
              AND gone.conversation_id <> ALL (newer);
    END IF;
    resolved := resolve_accounts(i, coalesce(nullif(nullif(a.accounts, 'null'), '[]'), jsonb_build_array(
        jsonb_build_object(
            'vendor', '', 'history', '', 'conversations', a.counts -> 'conversations' -> 'kept',
            'messages', a.counts -> 'messages', 'skipped', a.counts -> 'conversations' -> 'skipped_count',
            'lost', 0, 'chunks', a.total, 'breaks', coalesce(a.breaks, '[]')))));
    IF resolved IS NULL THEN
        PERFORM fail_run(jsonb_build_object(
            'import_id', a.import_id, 'run', a.run, 'step', 'chunking',
            'error', 'the user has too many lineages; import under the name of one that there is',
            'at_fault', true));
        RETURN jsonb_build_object('complete', false, 'ignored', 'failed');
    END IF;
    UPDATE imports SET
            accounts = resolved, state = 'extracting', chunks_total = a.total, counts = coalesce(a.counts, '{}'),
            sample = coalesce(a.sample, '[]'), superseded = coalesce(a.superseded, '[]'),
            breaks = coalesce(a.breaks, '[]'), chunked_at = coalesce(chunked_at, now()), updated_at = now(),
            (chunks_ok, chunks_dead, chunks_cached) = (
                SELECT count(*) FILTER (WHERE status = 'ok'), count(*) FILTER (WHERE status = 'dead'),
                       count(*) FILTER (WHERE cached)
                FROM chunk_results r WHERE r.import_id = a.import_id AND r.run = a.run)
        WHERE import_id = a.import_id AND run = a.run RETURNING * INTO i;
    IF is_complete_run(i) THEN
        PERFORM close_extraction(a.import_id, a.run);
    END IF;
    PERFORM tell_profile(i);
    RETURN jsonb_build_object('complete', is_complete_run(i), 'ignored', NULL);
END
$$;
REVOKE ALL ON FUNCTION public.finish_chunking(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.finish_chunking(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.finish_chunking(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.first_joined() RETURNS integer
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT 16
$$;
REVOKE ALL ON FUNCTION public.first_joined() FROM PUBLIC;
GRANT ALL ON FUNCTION public.first_joined() TO service_role;

CREATE FUNCTION public.forget_offers(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM FROM imports i WHERE i.state = 'received' AND i.on_log
        ORDER BY i.import_id, i.run FOR UPDATE;  -- in the order of note_offered
    UPDATE imports i SET offered_at = NULL, relay_until = NULL
        WHERE i.state = 'received' AND i.on_log AND coalesce(i.offered_at, i.relay_until) IS NOT NULL;
    RETURN to_jsonb(true);
END
$$;
REVOKE ALL ON FUNCTION public.forget_offers(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.forget_offers(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.forget_offers(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.has_live_runs(p_pipeline text) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT EXISTS (SELECT FROM imports i
                   WHERE i.pipeline = p_pipeline AND i.state NOT IN ('complete', 'failed', 'cancelled')
                     AND i.on_log AND i.priority = 'live')
$$;
REVOKE ALL ON FUNCTION public.has_live_runs(p_pipeline text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.has_live_runs(p_pipeline text) TO service_role;

CREATE FUNCTION public.has_sections(p public.user_profiles) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(p.soul_md, p.identity_md, p.user_md, p.agents_md, p.tools_md) IS NOT NULL
$$;
REVOKE ALL ON FUNCTION public.has_sections(p public.user_profiles) FROM PUBLIC;
GRANT ALL ON FUNCTION public.has_sections(p public.user_profiles) TO service_role;

CREATE FUNCTION public.has_v1_calls(argument jsonb) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT to_jsonb(EXISTS (SELECT FROM v1_calls c WHERE c.state IN ('due', 'posted')))
$$;
REVOKE ALL ON FUNCTION public.has_v1_calls(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.has_v1_calls(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.has_v1_calls(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.held_policy() RETURNS public.routing_policy
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.held_policy() FROM PUBLIC;
GRANT ALL ON FUNCTION public.held_policy() TO service_role;

CREATE FUNCTION public.hold_runs(p_import_id uuid, p_run integer) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT pg_advisory_xact_lock(hashtextextended(i.import_id::text, 1)) FROM imports i
    WHERE i.import_id = p_import_id AND i.run = p_run AND i.kind = 'primary' AND i.on_log AND i.pipeline <> 'v1'
$$;
REVOKE ALL ON FUNCTION public.hold_runs(p_import_id uuid, p_run integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.hold_runs(p_import_id uuid, p_run integer) TO service_role;

CREATE FUNCTION public.is_complete_run(i public.imports) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(i.chunks_ok + i.chunks_dead >= i.chunks_total, false)
       AND i.published_at IS NULL
       AND i.state IN ('chunking', 'extracting', 'consolidating')
$$;
REVOKE ALL ON FUNCTION public.is_complete_run(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.is_complete_run(i public.imports) TO service_role;

CREATE FUNCTION public.is_gone(d public.dead_letters, p public.dead_letter_positions) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(d.generation < p.generation OR d.letter_offset < p.begin_offset, false)
$$;
REVOKE ALL ON FUNCTION public.is_gone(d public.dead_letters, p public.dead_letter_positions) FROM PUBLIC;
GRANT ALL ON FUNCTION public.is_gone(d public.dead_letters, p public.dead_letter_positions) TO service_role;

CREATE FUNCTION public.is_newest_pass(i public.imports) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT i.kind = 'primary' AND i.pipeline <> 'v1' AND NOT is_silent(i) AND NOT EXISTS (
        SELECT FROM imports o
        WHERE o.user_id = i.user_id AND o.kind = 'primary' AND o.pipeline <> 'v1' AND o.state <> 'cancelled'
          AND NOT is_silent(o) AND (o.requested_at, o.ordinal) > (i.requested_at, i.ordinal))
$$;
REVOKE ALL ON FUNCTION public.is_newest_pass(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.is_newest_pass(i public.imports) TO service_role;

CREATE FUNCTION public.is_newest_run(i public.imports) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT i.kind = 'primary' AND NOT is_silent(i) AND NOT EXISTS (
        SELECT FROM imports o
        WHERE o.user_id = i.user_id AND o.kind = 'primary' AND o.state <> 'cancelled' AND NOT is_silent(o)
          AND (o.requested_at, o.ordinal) > (i.requested_at, i.ordinal))
$$;
REVOKE ALL ON FUNCTION public.is_newest_run(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.is_newest_run(i public.imports) TO service_role;

CREATE FUNCTION public.is_opened_again(i public.imports) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(i.reopened_from ->> 'state' = 'complete', false)
       AND i.state IN ('chunking', 'extracting', 'consolidating')
$$;
REVOKE ALL ON FUNCTION public.is_opened_again(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.is_opened_again(i public.imports) TO service_role;

CREATE FUNCTION public.is_passed_by(r public.replays) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT r.pipeline <> 'v1' AND EXISTS (SELECT FROM routing_policy p WHERE p.passthrough)
$$;
REVOKE ALL ON FUNCTION public.is_passed_by(r public.replays) FROM PUBLIC;
GRANT ALL ON FUNCTION public.is_passed_by(r public.replays) TO service_role;

CREATE FUNCTION public.is_served(p_user uuid) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT EXISTS (SELECT FROM served_memories s WHERE s.user_id = p_user)
        OR EXISTS (SELECT FROM user_profiles p WHERE p.user_id = p_user AND has_sections(p))
$$;
REVOKE ALL ON FUNCTION public.is_served(p_user uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.is_served(p_user uuid) TO service_role;

CREATE FUNCTION public.is_silent(i public.imports) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT i.replay_id IS NOT NULL AND NOT (i.state = 'complete' AND i.unserved IS NULL)
$$;
REVOKE ALL ON FUNCTION public.is_silent(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.is_silent(i public.imports) TO service_role;

CREATE FUNCTION public.is_with_predecessor(i public.imports) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    RETURN i.variant = 'http' AND (i.state = 'complete' OR i.state NOT IN ('failed', 'cancelled') AND EXISTS (
        SELECT FROM v1_calls c WHERE c.import_id = i.import_id AND c.run = i.run AND c.state = 'posted'));
END
$$;
REVOKE ALL ON FUNCTION public.is_with_predecessor(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.is_with_predecessor(i public.imports) TO service_role;

CREATE FUNCTION public.join_for(i public.imports, whole boolean DEFAULT false) RETURNS jsonb
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    own text[] := own_lineages(i);
    outdone text[];
BEGIN
    IF coalesce(cardinality(own), 0) = 0 OR NOT EXISTS (
        SELECT FROM lineages l WHERE l.user_id = i.user_id AND l.import_id IS NOT NULL
          AND (l.import_id, l.run) <> (i.import_id, i.run)
          AND (cardinality(own) > 1 OR l.lineage <> ALL (own))) THEN
        RETURN '[]';
    END IF;
    outdone := CASE WHEN whole THEN '{}' ELSE outdone_lineages(i) END;
    IF cardinality(outdone) < cardinality(own) THEN
        own := ARRAY(SELECT o FROM unnest(own) o WHERE o <> ALL (outdone));
    END IF;
    RETURN (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'lineage', l.lineage, 'vendor', a.e ->> 'vendor', 'import_id', c.import_id, 'run', c.run,
            'account', a.n - 1) ORDER BY l.lineage, a.n), '[]')
        FROM lineages l JOIN imports c ON c.import_id = l.import_id AND c.run = l.run
        CROSS JOIN LATERAL jsonb_array_elements(c.accounts) WITH ORDINALITY AS a(e, n)
        WHERE l.user_id = i.user_id AND l.lineage <> ALL (own) AND a.e ->> 'lineage' = l.lineage
          AND NOT (l.lineage = '' AND coalesce(l.conversations, 0) = 0));
END
$$;
REVOKE ALL ON FUNCTION public.join_for(i public.imports, whole boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION public.join_for(i public.imports, whole boolean) TO service_role;

CREATE FUNCTION public.join_lineages(i public.imports, joining jsonb) RETURNS public.imports
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    j record;
    d record;
BEGIN
    -- A statement for each run and each fact: joined, the planner may read all facts there are, or those of the run
    -- again for each of them, as it does while they are newer than what it knows of the table.
    -- What a run that was opened again joined may have changed with the run that it is of.
    IF joining <> i.joined OR i.reopened_at IS NOT NULL THEN
        DELETE FROM facts f WHERE f.import_id = i.import_id AND f.run = i.run AND f.account >= first_joined();
        FOR j IN
            SELECT (x.e ->> 'import_id')::uuid AS import_id, (x.e ->> 'run')::integer AS run,
                   (x.e ->> 'account')::smallint AS account, (first_joined() + x.n - 1)::smallint AS number
            FROM jsonb_array_elements(joining) WITH ORDINALITY AS x(e, n) ORDER BY x.n
        LOOP
            INSERT INTO facts (import_id, run, fact_id, account, user_id, category, matter, statement, quote,
                               message_ids, conversation_id, stated_at, valid_from, valid_until, confidence,
                               source_kind, chunk_index)
            SELECT i.import_id, i.run, f.fact_id, j.number, f.user_id, f.category, f.matter, f.statement, f.quote,
                   f.message_ids, f.conversation_id, f.stated_at, f.valid_from, f.valid_until, f.confidence,
                   f.source_kind, f.chunk_index
            FROM facts f
            WHERE f.import_id = j.import_id AND f.run = j.run AND f.account = j.account
            ORDER BY f.fact_id;
        END LOOP;
        UPDATE imports SET joined = joining, edition = edition + CASE WHEN joining <> i.joined THEN 1 ELSE 0 END
            WHERE import_id = i.import_id AND run = i.run RETURNING * INTO i;
    END IF;
    FOR d IN
        SELECT w.fact_id, w.account FROM (
            SELECT o.fact_id, o.account, a.lineage IS NULL OR row_number() OVER (
                       PARTITION BY o.fact_id
                       ORDER BY a.lineage IS NULL, o.stated_at, a.lineage COLLATE "C", o.account) > 1 AS hides
            FROM facts o
            LEFT JOIN (SELECT key::smallint AS account, value ->> 'lineage' AS lineage
                       FROM jsonb_each(accounts_of(i))) a ON a.account = o.account
            WHERE o.import_id = i.import_id AND o.run = i.run) w
        WHERE w.hides
    LOOP
        UPDATE facts f SET status = 'hidden'
            WHERE f.import_id = i.import_id AND f.run = i.run AND f.fact_id = d.fact_id AND f.account = d.account;
    END LOOP;
    RETURN i;
END
$$;
REVOKE ALL ON FUNCTION public.join_lineages(i public.imports, joining jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.join_lineages(i public.imports, joining jsonb) TO service_role;

CREATE FUNCTION public.judge_requeue(i public.imports, p_topic text, p_user uuid, p_import uuid, p_run integer, p_index integer, p_edition integer, OUT refusal text, OUT reopens text) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.judge_requeue(i public.imports, p_topic text, p_user uuid, p_import uuid, p_run integer, p_index integer, p_edition integer, OUT refusal text, OUT reopens text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.judge_requeue(i public.imports, p_topic text, p_user uuid, p_import uuid, p_run integer, p_index integer, p_edition integer, OUT refusal text, OUT reopens text) TO service_role;

CREATE FUNCTION public.keep_event(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.keep_event(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.keep_event(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.keep_event(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.keep_memory(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.keep_memory(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.keep_memory(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.keep_memory(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.keep_policy() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO routing_history (version, policy, changed_by, changed_at, reason)
    VALUES (NEW.version, to_jsonb(NEW) - 'id', NEW.changed_by, NEW.changed_at, NEW.reason);
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION public.keep_policy() FROM PUBLIC;

CREATE FUNCTION public.keep_sections(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.keep_sections(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.keep_sections(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.keep_sections(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.keep_version(p public.user_profiles, s public.served_memories, replaced timestamp with time zone) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.keep_version(p public.user_profiles, s public.served_memories, replaced timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.keep_version(p public.user_profiles, s public.served_memories, replaced timestamp with time zone) TO service_role;

CREATE FUNCTION public.keep_writing(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO writing_cache AS w (user_id, model, version, digest, part, answer, import_id, run)
    VALUES ((argument ->> 'user_id')::uuid, argument ->> 'model', argument ->> 'version', argument ->> 'digest',
            argument ->> 'part', argument -> 'answer', (argument ->> 'import_id')::uuid,
            (argument ->> 'run')::integer)
    ON CONFLICT (user_id, model, version, digest) DO UPDATE SET
        answer = excluded.answer, import_id = excluded.import_id, run = excluded.run, used_at = excluded.used_at;
    -- whoever else deletes for this user at this moment sees to the same rows
    DELETE FROM writing_cache w USING (
        SELECT o.model, o.version, o.digest FROM writing_cache o WHERE o.user_id = (argument ->> 'user_id')::uuid
        ORDER BY o.used_at DESC, o.digest OFFSET (argument ->> 'most')::integer FOR UPDATE SKIP LOCKED) old
        WHERE w.user_id = (argument ->> 'user_id')::uuid AND w.model = old.model AND w.version = old.version
          AND w.digest = old.digest;
    RETURN to_jsonb(true);
END
$$;
REVOKE ALL ON FUNCTION public.keep_writing(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.keep_writing(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.keep_writing(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.lacks_chunks(b public.imports, which text[]) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT 'missing' = ANY (which) AND coalesce(b.chunks_ok + b.chunks_dead < b.chunks_total, true)
        OR b.chunks_dead > 0 AND EXISTS (
            SELECT FROM chunk_results c
            WHERE c.import_id = b.import_id AND c.run = b.run AND fate_of(c) = ANY (which))
$$;
REVOKE ALL ON FUNCTION public.lacks_chunks(b public.imports, which text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.lacks_chunks(b public.imports, which text[]) TO service_role;

CREATE FUNCTION public.last_moved(r public.replays) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT greatest(r.started_at, r.resumed_at, r.moved_at, (
        SELECT max(i.updated_at) FROM replay_items x JOIN imports i ON i.import_id = x.import_id AND i.run = x.run
        WHERE x.replay_id = r.id AND x.state = 'begun' AND i.updated_at IS DISTINCT FROM i.redriven_at))
$$;
REVOKE ALL ON FUNCTION public.last_moved(r public.replays) FROM PUBLIC;
GRANT ALL ON FUNCTION public.last_moved(r public.replays) TO service_role;

CREATE FUNCTION public.leave_run(argument jsonb) RETURNS jsonb
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    UPDATE imports SET begun_by = array_remove(begun_by, argument ->> 'taker')
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND argument ->> 'taker' = ANY (begun_by);
    SELECT to_jsonb(true)
$$;
REVOKE ALL ON FUNCTION public.leave_run(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.leave_run(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.leave_run(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.letters_asked(asked jsonb, alias text) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $_$
    SELECT coalesce(string_agg(replace(c.condition, '@', alias), ' AND '), 'true') FROM (VALUES
        ('ids', '@.id IN (SELECT e::uuid FROM jsonb_array_elements_text($1 -> ''ids'') e)'),
        ('topic', '@.topic = $1 ->> ''topic'''),
        ('reason', '@.reason = $1 ->> ''reason'''),
        ('import_id', '@.import_id = ($1 ->> ''import_id'')::uuid'),
        ('user_id', '@.user_id = ($1 ->> ''user_id'')::uuid'),
        ('since', '@.buried_at >= ($1 ->> ''since'')::timestamptz'),
        ('state', '@.state = ' || quote_literal(asked ->> 'state'))) AS c(name, condition)
    WHERE nullif(asked -> c.name, 'null') IS NOT NULL
$_$;
REVOKE ALL ON FUNCTION public.letters_asked(asked jsonb, alias text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.letters_asked(asked jsonb, alias text) TO service_role;

CREATE FUNCTION public.line_up_to_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('routing_policy', 6));
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION public.line_up_to_change() FROM PUBLIC;

CREATE FUNCTION public.lineages_of(p_user uuid) RETURNS text[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    RETURN ARRAY(SELECT l.lineage FROM lineages l
                 WHERE l.user_id = p_user AND l.import_id IS NOT NULL AND l.lineage <> '' ORDER BY l.lineage);
END
$$;
REVOKE ALL ON FUNCTION public.lineages_of(p_user uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.lineages_of(p_user uuid) TO service_role;

CREATE FUNCTION public.list_dead_letters(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET statement_timeout TO '450s'
    AS $_$
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
$_$;
REVOKE ALL ON FUNCTION public.list_dead_letters(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.list_dead_letters(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.list_dead_letters(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.list_facts(argument jsonb) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET statement_timeout TO '450s'
    AS $$
DECLARE
    p_user uuid := (argument ->> 'user_id')::uuid;
    p_import_id uuid := (argument ->> 'import_id')::uuid;
    p_run integer := (argument ->> 'run')::integer;
    p_matter text := coalesce(argument -> 'after' ->> 0, '');
    p_stated timestamptz := coalesce((argument -> 'after' ->> 1)::timestamptz, '-infinity');
    p_fact uuid := coalesce((argument -> 'after' ->> 2)::uuid, '00000000-0000-0000-0000-000000000000');
    p_status text[] := ARRAY(SELECT jsonb_array_elements_text(nullif(argument -> 'status', 'null')));
    p_patterns text[] := search_patterns(coalesce(argument ->> 'search', ''));
BEGIN
    IF p_import_id IS NULL THEN
        SELECT s.memory_import_id, s.memory_run INTO p_import_id, p_run
            FROM served_memories s WHERE s.user_id = p_user;
    END IF;
    RETURN coalesce(shown_facts(ARRAY(
        SELECT f FROM facts f
        WHERE f.import_id = p_import_id AND f.run = p_run AND f.user_id = p_user
          AND f.status <> 'hidden'
          AND (f.matter, coalesce(f.stated_at, '-infinity'), f.fact_id) > (p_matter, p_stated, p_fact)
          AND (p_status = '{}' OR f.status = ANY (p_status))
          AND (p_patterns = '{}' OR f.statement || ' ' || f.quote ILIKE ALL (p_patterns))
        ORDER BY f.matter, coalesce(f.stated_at, '-infinity'), f.fact_id
        LIMIT (argument ->> 'limit')::integer)), '[]');
END
$$;
REVOKE ALL ON FUNCTION public.list_facts(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.list_facts(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.list_facts(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.list_replay_items(argument jsonb) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(jsonb_agg(to_jsonb(t) - 'replay_id' || jsonb_build_object('source', (
        SELECT b.source FROM imports b WHERE b.import_id = t.import_id AND b.run = t.base_run)) ORDER BY t.position), '[]')
    FROM (
        SELECT * FROM replay_items i
        WHERE i.replay_id = (argument ->> 'replay_id')::uuid AND i.position > coalesce((argument ->> 'after')::integer, -1)
          AND (nullif(argument -> 'states', 'null') IS NULL OR argument -> 'states' ? i.state)
        ORDER BY i.position LIMIT (argument ->> 'limit')::integer) t
$$;
REVOKE ALL ON FUNCTION public.list_replay_items(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.list_replay_items(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.list_replay_items(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.list_replays(argument jsonb) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(jsonb_agg(tell_replay(r.id) ORDER BY r.ordinal DESC), '[]') FROM (
        SELECT o.id, o.ordinal FROM replays o ORDER BY o.ordinal DESC LIMIT (argument ->> 'limit')::integer) r
$$;
REVOKE ALL ON FUNCTION public.list_replays(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.list_replays(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.list_replays(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.list_runs(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT i.import_id, i.run, i.user_id, i.pipeline, i.kind, i.parent_id, i.source, told_state(i) AS state, i.unserved,
               i.progress_percent, i.stage, i.reading, i.chunks_total, i.chunks_ok, i.chunks_dead,
               i.facts_extracted, i.coverage, jsonb_array_length(i.breaks) AS breaks, i.cost, i.error,
               own_lineages(i) AS lineages, i.redrives, i.on_log, i.requested_at, i.begun_at, i.finished_at, i.updated_at
        FROM (  -- each by its own index: for an OR the runs of all imports were read for one
            SELECT * FROM imports n WHERE n.import_id = (argument ->> 'import_id')::uuid
            UNION ALL
            (SELECT * FROM imports n WHERE argument ->> 'import_id' IS NULL
             ORDER BY n.ordinal DESC LIMIT (argument ->> 'limit')::integer)) i
        ORDER BY i.ordinal DESC LIMIT (argument ->> 'limit')::integer) t
$$;
REVOKE ALL ON FUNCTION public.list_runs(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.list_runs(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.list_runs(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.list_users(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT u.user_id, n.name, u.runs, told_state(i) AS state, i.requested_at,
               s.user_id IS NOT NULL AS has_memory, lineages_of(u.user_id) AS lineages
        FROM (SELECT user_id, count(*) AS runs, max(ordinal) AS ordinal FROM imports o
              WHERE kind = 'primary' AND NOT is_silent(o) GROUP BY user_id) u
        JOIN imports i ON i.ordinal = u.ordinal
        LEFT JOIN user_names n ON n.user_id = u.user_id
        LEFT JOIN served_memories s ON s.user_id = u.user_id
        ORDER BY u.ordinal DESC LIMIT (argument ->> 'limit')::integer) t
$$;
REVOKE ALL ON FUNCTION public.list_users(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.list_users(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.list_users(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.list_versions(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT v.version, v.import_id, v.run, v.pipeline, v.kind, v.profile_format, v.written_at, v.replaced_at,
               coalesce(length(v.memory_md), 0) AS memory_characters,
               num_nonnulls(v.soul_md, v.identity_md, v.user_md, v.agents_md, v.tools_md) AS sections
        FROM profile_versions v WHERE v.user_id = (argument ->> 'user_id')::uuid
        ORDER BY v.version DESC LIMIT (argument ->> 'limit')::integer) t
$$;
REVOKE ALL ON FUNCTION public.list_versions(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.list_versions(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.list_versions(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.look_up_chunks(argument jsonb) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    -- OFFSET 0 keeps each probe a probe.
    RETURN (
        WITH judged AS MATERIALIZED (
            SELECT a.*, CASE
                WHEN i.user_id IS DISTINCT FROM a.user_id THEN 'unknown'
                WHEN i.state = 'cancelled' THEN 'cancelled'
                WHEN EXISTS (SELECT FROM imports o
                             WHERE o.import_id = a.import_id AND o.run > a.run AND o.kind = i.kind) THEN 'older'
                WHEN r.status = 'ok' OR (r.status = 'dead' AND i.state NOT IN ('chunking', 'extracting'))
                    THEN 'repeated'
                WHEN i.state IN ('complete', 'failed') THEN 'finished'
            END AS refusal
            FROM jsonb_to_recordset(argument -> 'chunks') AS a(
                user_id uuid, import_id uuid, run integer, index integer, content_hash text)
            LEFT JOIN LATERAL (
                SELECT n.user_id, n.state, n.kind FROM imports n
                WHERE n.import_id = a.import_id AND n.run = a.run OFFSET 0) i ON true
            LEFT JOIN LATERAL (
                SELECT n.status FROM chunk_results n
                WHERE n.import_id = a.import_id AND n.run = a.run AND n.chunk_index = a.index
                OFFSET 0) r ON true
        )
        SELECT json_build_object(
            'refused', (
                SELECT coalesce(json_agg(json_build_object(
                    'user_id', user_id, 'import_id', import_id, 'run', run, 'index', index,
                    'reason', refusal)), '[]')
                FROM judged WHERE refusal IS NOT NULL),
            'known', (
                SELECT coalesce(json_agg(json_build_object(
                    'user_id', j.user_id, 'content_hash', j.content_hash, 'facts', c.facts,
                    'dropped', c.dropped, 'unread', c.unread, 'usage', c.usage)), '[]')
                FROM (SELECT DISTINCT user_id, content_hash COLLATE "C" AS content_hash
                      FROM judged WHERE refusal IS NULL) j
                CROSS JOIN LATERAL (
                    SELECT n.facts, n.dropped, n.unread, n.usage FROM extraction_cache n
                    WHERE n.user_id = j.user_id AND n.model = argument ->> 'model'
                      AND n.prompt_version = argument ->> 'prompt_version'
                      AND n.content_hash = j.content_hash OFFSET 0) c)));
END
$$;
REVOKE ALL ON FUNCTION public.look_up_chunks(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.look_up_chunks(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.look_up_chunks(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.loses_much(i public.imports, s public.served_memories) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.loses_much(i public.imports, s public.served_memories) FROM PUBLIC;
GRANT ALL ON FUNCTION public.loses_much(i public.imports, s public.served_memories) TO service_role;

CREATE FUNCTION public.made_of(i public.imports) RETURNS json
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.made_of(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.made_of(i public.imports) TO service_role;

CREATE FUNCTION public.makes_memory(i public.imports) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT i.kind IN ('primary', 'shadow') AND i.pipeline <> 'v1'
$$;
REVOKE ALL ON FUNCTION public.makes_memory(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.makes_memory(i public.imports) TO service_role;

CREATE FUNCTION public.mark_published(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.mark_published(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mark_published(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.mark_published(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.mended_partly(n public.imports) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT n.state = 'failed' AND n.chunks_ok + n.chunks_dead = n.chunks_total AND EXISTS (
        SELECT FROM replays r WHERE r.id = n.replay_id AND r.which <@ ARRAY['missing', 'dead'])
$$;
REVOKE ALL ON FUNCTION public.mended_partly(n public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mended_partly(n public.imports) TO service_role;

CREATE FUNCTION public.name_user(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO user_names AS n (user_id, name)
    VALUES ((argument ->> 'user_id')::uuid, left(argument ->> 'name', 200))
    ON CONFLICT (user_id) DO UPDATE SET name = excluded.name, named_at = now() WHERE n.name <> excluded.name;
    RETURN to_jsonb(true);
END
$$;
REVOKE ALL ON FUNCTION public.name_user(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.name_user(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.name_user(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.next_passages_to_embed(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $_$
DECLARE
    a record;
    of_now timestamptz := clock_timestamp();
    whose uuid;
    answer jsonb;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        owner text, seconds double precision, model text, user_id uuid);
    IF NOT EXISTS (SELECT FROM embedding_type()) THEN
        RETURN NULL;
    END IF;
    -- One at a time: two at once would choose the same passages.
    PERFORM pg_advisory_xact_lock(hashtextextended('soulprint embeddings', 4));
    FOR whose IN EXECUTE $q$
        WITH RECURSIVE waiting(user_id) AS (
            (SELECT c.user_id FROM conversation_chunks c WHERE c.embedding IS NULL ORDER BY c.user_id LIMIT 1)
            UNION ALL
            SELECT (SELECT c.user_id FROM conversation_chunks c
                    WHERE c.embedding IS NULL AND c.user_id > w.user_id ORDER BY c.user_id LIMIT 1)
            FROM waiting w WHERE w.user_id IS NOT NULL)
        SELECT w.user_id FROM waiting w LEFT JOIN embedding_turns t USING (user_id)
        WHERE w.user_id IS NOT NULL AND ($1 IS NULL OR w.user_id = $1)
        ORDER BY t.turn_at NULLS FIRST, w.user_id $q$ USING a.user_id
    LOOP
        EXECUTE $q$
            WITH free AS MATERIALIZED (
                SELECT c.id, c.content, c.created_at FROM conversation_chunks c
                WHERE c.user_id = $1 AND c.embedding IS NULL AND NOT EXISTS (
                    SELECT FROM embedding_claims e
                    WHERE e.passage_id = c.id AND e.until > $2
                      AND (e.refused IS NULL OR (e.model = $3 AND e.content_hash = md5(c.content))))
                ORDER BY c.created_at DESC LIMIT $4),
            claimed AS (
                INSERT INTO embedding_claims AS e (passage_id, user_id, owner, until, content_hash, model)
                SELECT f.id, $1, $5, $2 + make_interval(secs => $6), md5(f.content), $3 FROM free f
                ON CONFLICT (passage_id) DO UPDATE SET
                    owner = excluded.owner, until = excluded.until, refused = NULL,
                    refusals = CASE WHEN (e.content_hash, e.model) = (excluded.content_hash, excluded.model)
                                    THEN e.refusals ELSE 0 END,
                    content_hash = excluded.content_hash, model = excluded.model)
            SELECT jsonb_agg(jsonb_build_object('id', f.id, 'content', f.content, 'content_hash', md5(f.content))
                             ORDER BY f.created_at DESC) FROM free f
            $q$ INTO answer USING whose, of_now, a.model, (argument ->> 'limit')::integer, a.owner, a.seconds;
        IF answer IS NOT NULL THEN
            INSERT INTO embedding_turns AS t (user_id, turn_at) VALUES (whose, of_now)
                ON CONFLICT (user_id) DO UPDATE SET turn_at = excluded.turn_at;
            RETURN jsonb_build_object('user_id', whose, 'passages', answer);
        END IF;
    END LOOP;
    RETURN NULL;
END
$_$;
REVOKE ALL ON FUNCTION public.next_passages_to_embed(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.next_passages_to_embed(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.next_passages_to_embed(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.note_audit(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.note_audit(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.note_audit(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.note_audit(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.note_holds(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    DELETE FROM service_holds s
    WHERE s.seen_at < now() - interval '1 day'
       OR s.owner = argument ->> 'owner' AND NOT EXISTS (
           SELECT FROM jsonb_to_recordset(argument -> 'holds') AS h(service text, hold text)
           WHERE h.service = s.service AND h.hold = s.hold);
    INSERT INTO service_holds (owner, service, hold, reason, since)
    SELECT argument ->> 'owner', h.service, h.hold, h.reason, h.since
        FROM jsonb_to_recordset(argument -> 'holds')
            AS h(service text, hold text, reason text, since timestamptz)
    ON CONFLICT (owner, service, hold) DO UPDATE SET
        reason = excluded.reason, since = excluded.since, seen_at = now();
    RETURN to_jsonb(true);
END
$$;
REVOKE ALL ON FUNCTION public.note_holds(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.note_holds(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.note_holds(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.note_legacy_call(argument jsonb) RETURNS jsonb
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    INSERT INTO legacy_calls AS o (route, user_id, calls)
    VALUES (argument ->> 'route', (argument ->> 'user_id')::uuid, coalesce((argument ->> 'calls')::bigint, 1))
    ON CONFLICT (route, user_id) DO UPDATE SET calls = o.calls + excluded.calls, last_at = now();
    SELECT to_jsonb(true)
$$;
REVOKE ALL ON FUNCTION public.note_legacy_call(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.note_legacy_call(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.note_legacy_call(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.note_offered(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM FROM imports i JOIN jsonb_to_recordset(argument -> 'runs') AS r(import_id uuid, run integer)
        ON i.import_id = r.import_id AND i.run = r.run ORDER BY i.import_id, i.run FOR UPDATE OF i;
    UPDATE imports i SET offered_at = now(), relay_until = NULL
        FROM jsonb_to_recordset(argument -> 'runs') AS r(import_id uuid, run integer)
        WHERE i.import_id = r.import_id AND i.run = r.run AND i.offered_at IS NULL;
    RETURN to_jsonb(true);
END
$$;
REVOKE ALL ON FUNCTION public.note_offered(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.note_offered(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.note_offered(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.note_progress(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    i imports;
BEGIN
    -- Runs and then profiles, each in one order, so that neither of two callers waits for the other.
    PERFORM FROM imports n JOIN jsonb_to_recordset(argument -> 'runs') AS r(import_id uuid, run integer)
        ON n.import_id = r.import_id AND n.run = r.run ORDER BY n.import_id, n.run FOR UPDATE OF n;
    FOR i IN
        WITH noted AS (
            UPDATE imports n SET stage = 'extracting',
                    progress_percent = least(
                        90, 90.0 * (n.chunks_ok + n.chunks_dead) / greatest(n.chunks_total, 1))
                FROM jsonb_to_recordset(argument -> 'runs') AS r(import_id uuid, run integer)
                WHERE n.import_id = r.import_id AND n.run = r.run AND n.state = 'extracting'
                RETURNING n.*)
        SELECT * FROM noted ORDER BY user_id
    LOOP
        PERFORM tell_profile(i);
    END LOOP;
    RETURN to_jsonb(true);
END
$$;
REVOKE ALL ON FUNCTION public.note_progress(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.note_progress(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.note_progress(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.number_policy() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.number_policy() FROM PUBLIC;

CREATE FUNCTION public.open_batch(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    DELETE FROM batch_chunks WHERE begun_at < now() - interval '29 days';
    DELETE FROM batch_chunks
    WHERE provider = argument ->> 'provider' AND batch_id = argument ->> 'instead_of';
    INSERT INTO batch_chunks (provider, batch_id, content_hash, model, prompt_version, size, begun_at)
    SELECT argument ->> 'provider', argument ->> 'batch_id', h, argument ->> 'model',
           argument ->> 'prompt_version', (argument ->> 'size')::integer,
           (argument ->> 'begun_at')::timestamptz
        FROM jsonb_array_elements_text(argument -> 'hashes') h
    ON CONFLICT DO NOTHING;
    RETURN to_jsonb(true);
END
$$;
REVOKE ALL ON FUNCTION public.open_batch(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.open_batch(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.open_batch(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.outdone_lineages(i public.imports) RETURNS text[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT ARRAY(
        SELECT l.lineage FROM lineages l JOIN imports c ON c.import_id = l.import_id AND c.run = l.run
        WHERE l.user_id = i.user_id AND l.lineage = ANY (own_lineages(i))
          AND (c.requested_at, c.ordinal) > (i.requested_at, i.ordinal))
$$;
REVOKE ALL ON FUNCTION public.outdone_lineages(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.outdone_lineages(i public.imports) TO service_role;

CREATE FUNCTION public.override_routing(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.override_routing(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.override_routing(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.override_routing(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.owe_callback(i public.imports, kind text) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    INSERT INTO callbacks (import_id, kind, user_id, seconds)
    VALUES (i.import_id, owe_callback.kind, i.user_id,
            greatest(extract(epoch FROM now() - i.begun_at), 0)::double precision)
    ON CONFLICT DO NOTHING
$$;
REVOKE ALL ON FUNCTION public.owe_callback(i public.imports, kind text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.owe_callback(i public.imports, kind text) TO service_role;

CREATE FUNCTION public.owe_quick(i public.imports, quick_id uuid) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.owe_quick(i public.imports, quick_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.owe_quick(i public.imports, quick_id uuid) TO service_role;

CREATE FUNCTION public.owe_v1_call(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.owe_v1_call(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.owe_v1_call(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.owe_v1_call(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.own_facts(r public.imports, i public.imports) RETURNS bigint
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT count(*) FROM facts f
    WHERE f.import_id = r.import_id AND f.run = r.run AND f.status = 'current' AND f.account = ANY (ARRAY(
        SELECT unnest(account_numbers(r, l)) FROM unnest(own_lineages(i)) l
        WHERE NOT i.joined @> jsonb_build_array(jsonb_build_object('lineage', l))))
$$;
REVOKE ALL ON FUNCTION public.own_facts(r public.imports, i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.own_facts(r public.imports, i public.imports) TO service_role;

CREATE FUNCTION public.own_lineages(i public.imports) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT ARRAY(SELECT DISTINCT e ->> 'lineage' FROM jsonb_array_elements(i.accounts) e)
$$;
REVOKE ALL ON FUNCTION public.own_lineages(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.own_lineages(i public.imports) TO service_role;

CREATE FUNCTION public.page_facts(argument jsonb) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    s served_memories;
    key jsonb;
BEGIN
    SELECT * INTO s FROM served_memories m WHERE m.user_id = (argument ->> 'user_id')::uuid;
    IF nullif(argument -> 'after', 'null') IS NOT NULL THEN
        SELECT jsonb_build_array(f.matter, f.stated_at, f.fact_id) INTO key FROM facts f
        WHERE f.import_id = s.memory_import_id AND f.run = s.memory_run
          AND f.fact_id = (argument -> 'after' ->> 0)::uuid AND f.user_id = s.user_id AND f.status <> 'hidden'
        LIMIT 1;
        IF key IS NULL THEN
            RAISE EXCEPTION 'no such fact to begin after' USING ERRCODE = 'SP003';
        END IF;
    END IF;
    IF s.memory_import_id IS NULL THEN
        RETURN '[]';
    END IF;
    RETURN list_facts(jsonb_build_object(
        'user_id', s.user_id, 'import_id', s.memory_import_id, 'run', s.memory_run, 'after', key,
        'limit', argument -> 'limit', 'status', argument -> 'status', 'search', ''));
END
$$;
REVOKE ALL ON FUNCTION public.page_facts(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.page_facts(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.page_facts(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.page_runs(argument jsonb) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    p_user uuid := (argument ->> 'user_id')::uuid;
    p_after bigint := 9223372036854775807;
    answer json;
BEGIN
    IF nullif(argument -> 'after', 'null') IS NOT NULL THEN
        SELECT i.ordinal INTO p_after FROM imports i
        WHERE i.import_id = (argument -> 'after' ->> 0)::uuid AND i.run = (argument -> 'after' ->> 1)::integer
          AND (p_user IS NULL OR i.user_id = p_user);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'no such run to begin after' USING ERRCODE = 'SP003';
        END IF;
    END IF;
    IF p_user IS NULL THEN
        SELECT json_agg(told_run(i) ORDER BY i.ordinal DESC) INTO answer FROM (
            SELECT * FROM imports n WHERE n.ordinal < p_after AND n.kind IN ('primary', 'fallback')
            ORDER BY n.ordinal DESC LIMIT (argument ->> 'limit')::integer) i;
    ELSE
        SELECT json_agg(told_run(i) ORDER BY i.ordinal DESC) INTO answer FROM (
            SELECT * FROM (
                SELECT * FROM imports m WHERE m.user_id = p_user OFFSET 0) n  -- never by the order of all
            WHERE n.ordinal < p_after AND n.kind IN ('primary', 'fallback') AND NOT is_silent(n)
            ORDER BY n.ordinal DESC LIMIT (argument ->> 'limit')::integer) i;
    END IF;
    RETURN coalesce(answer, '[]');
END
$$;
REVOKE ALL ON FUNCTION public.page_runs(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.page_runs(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.page_runs(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.pause_replay(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.pause_replay(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.pause_replay(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.pause_replay(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.plan_replay(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET statement_timeout TO '450s'
    AS $$
DECLARE
    a record;
    r replays;
    b imports;
    c record;
    t record;
    planned integer := 0;
    unread integer := 0;
    left_out jsonb := '{}';
    strangers integer;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        replay_id uuid, stage text, which text[], selection jsonb, pipeline text, model text, prompt_version text,
        rates jsonb, variant text, writing_version text);
    IF EXISTS (SELECT FROM replays o WHERE o.id = a.replay_id) THEN
        RETURN tell_replay(a.replay_id);
    END IF;
    INSERT INTO replays (id, stage, which, selection, pipeline, model, prompt_version, planned_by)
    VALUES (a.replay_id, a.stage, a.which, a.selection, a.pipeline, a.model, a.prompt_version, argument ->> 'by')
    RETURNING * INTO r;
    FOR c IN SELECT * FROM choose_imports(r) LOOP
        IF c.why IS NOT NULL THEN
            left_out := jsonb_set(left_out, ARRAY[c.why], to_jsonb(coalesce((left_out ->> c.why)::integer, 0) + 1));
            CONTINUE;
        END IF;
        planned := planned + 1;
        SELECT * INTO b FROM imports n WHERE n.import_id = c.import_id AND n.run = c.run;
        unread := unread + (b.chunks_total IS NULL)::integer;
        INSERT INTO replay_items (replay_id, position, import_id, user_id, base_run, chunks, cached, calls,
                                  input_tokens, output_tokens, cost)
        SELECT r.id, planned, c.import_id, c.user_id, c.run, k.*
        FROM reckon_run(r, b, nullif(a.rates, 'null'), a.variant, a.writing_version) k;
    END LOOP;
    SELECT count(*) INTO strangers
        FROM jsonb_array_elements_text(coalesce(nullif(a.selection -> 'users', 'null'), '[]')) u
        WHERE NOT EXISTS (SELECT FROM imports n WHERE n.user_id = u::uuid);
    IF strangers > 0 THEN
        left_out := left_out || jsonb_build_object('no imports', strangers);
    END IF;
    SELECT coalesce(sum(i.chunks), 0) AS chunks, coalesce(sum(i.cached), 0) AS cached,
           coalesce(sum(i.calls), 0) AS calls, coalesce(sum(i.input_tokens), 0) AS input_tokens,
           coalesce(sum(i.output_tokens), 0) AS output_tokens,
           CASE WHEN bool_or(i.cost IS NULL) THEN NULL ELSE coalesce(sum(i.cost), 0) END AS dollars
        INTO t FROM replay_items i WHERE i.replay_id = r.id;
    r.figures := jsonb_build_object(
        'imports', planned, 'chunks', t.chunks, 'cached', t.cached, 'calls', t.calls, 'input_tokens', t.input_tokens,
        'output_tokens', t.output_tokens, 'dollars', t.dollars,
        'seconds', seconds_at_pace(a.model, planned, (t.chunks - t.cached)::integer, t.cached::integer),
        'unread', unread, 'left_out', left_out);
    IF planned = 0 THEN
        DELETE FROM replays o WHERE o.id = r.id;
        RETURN to_jsonb(r) || jsonb_build_object('id', NULL, 'items', '{}'::jsonb);
    END IF;
    UPDATE replays o SET figures = r.figures WHERE o.id = r.id;
    RETURN tell_replay(r.id);
END
$$;
REVOKE ALL ON FUNCTION public.plan_replay(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.plan_replay(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.plan_replay(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.prepare_embeddings(numbers integer) RETURNS text[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    made text[] := '{}';
    place text := CASE WHEN to_regnamespace('extensions') IS NULL THEN 'public' ELSE 'extensions' END;
BEGIN
    IF NOT EXISTS (SELECT FROM embedding_type()) THEN
        IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector') THEN
            EXECUTE format('CREATE EXTENSION vector SCHEMA %I', place);
            made := made || format('extension vector in schema %s', place);
        END IF;
        EXECUTE format('ALTER TABLE conversation_chunks ADD COLUMN embedding %I.vector(%s)',
            (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
             WHERE e.extname = 'vector'), numbers);
        made := made || format('column conversation_chunks.embedding vector(%s)', numbers);
    END IF;
    SELECT split_part(e.written, '.', 1) INTO place FROM embedding_type() e;
    IF NOT has_schema_privilege('service_role', place, 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %s TO service_role', place);
        made := made || format('usage of schema %s', place);
    END IF;
    IF to_regclass('public.conversation_chunks_to_embed') IS NULL THEN
        CREATE INDEX conversation_chunks_to_embed ON conversation_chunks (user_id, created_at DESC)
            WHERE embedding IS NULL;
        made := made || 'index conversation_chunks_to_embed'::text;
    END IF;
    IF watch_embeddings() THEN
        made := made || 'trigger soulprint_stale_embedding'::text;
    END IF;
    RETURN made;
END
$$;
REVOKE ALL ON FUNCTION public.prepare_embeddings(numbers integer) FROM PUBLIC;

CREATE FUNCTION public.primary_of(i public.imports) RETURNS public.imports
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    m imports;
BEGIN
    IF i.kind = 'primary' THEN
        RETURN i;
    END IF;
    SELECT * INTO m FROM imports n
        WHERE n.import_id = CASE i.kind WHEN 'quick' THEN i.parent_id WHEN 'fallback' THEN i.import_id END
          AND n.user_id = i.user_id AND n.kind = 'primary' AND NOT is_silent(n) ORDER BY n.run DESC LIMIT 1;
    RETURN m;
END
$$;
REVOKE ALL ON FUNCTION public.primary_of(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.primary_of(i public.imports) TO service_role;

CREATE FUNCTION public.rate_allows(r public.replays) RETURNS integer
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT CASE WHEN r.rate IS NULL THEN 1000 ELSE (
        SELECT floor(least(1e6, greatest(1, r.rate * extract(epoch FROM now() - w.since) / 60)))::integer - (
            SELECT count(*) FROM replay_items x WHERE x.replay_id = r.id AND x.begun_at > w.since AND x.begun_at <= now())::integer
        -- what lies in the future is of a clock that was set back since
        FROM (SELECT greatest(least(r.resumed_at, now()), now() - make_interval(secs => greatest(60, 60 / r.rate))) AS since) w) END
$$;
REVOKE ALL ON FUNCTION public.rate_allows(r public.replays) FROM PUBLIC;
GRANT ALL ON FUNCTION public.rate_allows(r public.replays) TO service_role;

CREATE FUNCTION public.read_access(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    WITH roles AS (
        SELECT oid, rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated', 'soulprint_service')
    ), tables AS (
        SELECT c.oid, c.relname, c.relrowsecurity,
               c.relkind = 'v' AND coalesce(c.reloptions && ARRAY['security_invoker=true', 'security_invoker=on'],
                   false) AS invoker,
               -- as the app made it: what it grants is its own
               c.relname IN ('user_profiles', 'conversation_chunks') AND NOT EXISTS (
                   SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'own_rows') AS theirs
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
          AND c.relname IN (SELECT jsonb_array_elements_text(argument -> 'tables'))
    ), functions AS (
        SELECT p.oid, p.proname, p.prosecdef, p.proowner,
               p.proargtypes = ARRAY['jsonb'::regtype]::oidvector
                   AND p.proname IN (SELECT jsonb_array_elements_text(argument -> 'called')) AS called
        FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace
          AND p.proname IN (SELECT jsonb_array_elements_text(argument -> 'functions'))
    ), rights AS (
        SELECT t.oid, t.relname, t.theirs, r.rolname, w.wanted, t.invoker OR (t.relrowsecurity AND NOT EXISTS (
            SELECT FROM pg_policy p
            WHERE p.polrelid = t.oid AND p.polpermissive AND p.polcmd IN ('*', w.command)
              AND EXISTS (SELECT FROM unnest(p.polroles) g
                          WHERE g = 0 OR pg_has_role(r.oid, g, 'USAGE'))
              AND NOT coalesce(
                  CASE WHEN w.command = 'a' AND p.polwithcheck IS NOT NULL
                       THEN pg_get_expr(p.polwithcheck, p.polrelid)
                       ELSE pg_get_expr(p.polqual, p.polrelid) END
                  ~ 'auth\.(uid|jwt|email)\(\)|auth\.role\(\).*service_role', false))) AS limited
        FROM tables t CROSS JOIN roles r CROSS JOIN (VALUES
            ('SELECT', 'r'), ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd'),
            ('TRUNCATE', NULL), ('REFERENCES', NULL), ('TRIGGER', NULL)) w(wanted, command)
        WHERE has_table_privilege(r.oid, t.oid, w.wanted)
           OR (w.wanted IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
               AND has_any_column_privilege(r.oid, t.oid, w.wanted))
    ), opened AS (
        SELECT rolname AS role, relname AS name, wanted AS "right" FROM rights
        WHERE CASE WHEN rolname = 'soulprint_service' THEN NOT (theirs AND limited)
                   WHEN theirs THEN wanted IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE') AND NOT limited
                   ELSE rolname = 'anon' OR wanted <> 'SELECT' OR NOT limited END
        UNION ALL
        SELECT r.rolname, f.proname, 'EXECUTE' FROM functions f CROSS JOIN roles r
        WHERE has_function_privilege(r.oid, f.oid, 'EXECUTE')
          AND NOT (f.called AND r.rolname = 'soulprint_service')
        UNION ALL
        SELECT rolname, 'public', 'CREATE' FROM roles WHERE has_schema_privilege(oid, 'public', 'CREATE')
    )
    SELECT json_build_object(
        'open', (SELECT coalesce(json_agg(o ORDER BY o.name, o.role, o."right"), '[]') FROM opened o),
        'unready', (SELECT coalesce(json_agg(f.proname ORDER BY f.proname), '[]') FROM functions f
                    WHERE f.called AND NOT (f.prosecdef AND EXISTS (
                        SELECT FROM roles r WHERE r.rolname = 'soulprint_service'
                           AND has_function_privilege(r.oid, f.oid, 'EXECUTE')))),
        'superusers', (SELECT coalesce(json_agg(f.proname ORDER BY f.proname), '[]')
                       FROM functions f JOIN pg_roles o ON o.oid = f.proowner
                       WHERE f.prosecdef AND o.rolsuper),
        'login', (SELECT json_build_object(
                      'name', l.rolname, 'superuser', l.rolsuper,
                      'reads', l.rolsuper OR EXISTS (
                          SELECT FROM tables t WHERE has_table_privilege(l.oid, t.oid, 'SELECT'))
                      ) FROM pg_roles l WHERE l.rolname = session_user))
$$;
REVOKE ALL ON FUNCTION public.read_access(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_access(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_access(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_audit(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT a.at, a.who, a.what, a.subject, a.why FROM audit a WHERE a.subject = argument ->> 'subject'
        ORDER BY a.id DESC LIMIT (argument ->> 'limit')::integer) t
$$;
REVOKE ALL ON FUNCTION public.read_audit(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_audit(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_audit(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_batches(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT b.batch_id, b.model, b.prompt_version, b.size, b.begun_at, json_agg(b.content_hash) AS hashes
        FROM batch_chunks b
        WHERE b.provider = argument ->> 'provider' AND b.model = argument ->> 'model'
          AND b.prompt_version = argument ->> 'prompt_version'
          AND b.content_hash IN (SELECT jsonb_array_elements_text(argument -> 'hashes'))
        GROUP BY b.batch_id, b.model, b.prompt_version, b.size, b.begun_at ORDER BY b.begun_at, b.batch_id) t
$$;
REVOKE ALL ON FUNCTION public.read_batches(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_batches(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_batches(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_dead_chunks(argument jsonb) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('index', d.chunk_index, 'reason', d.error)
                              ORDER BY d.chunk_index), '[]') FROM (
        SELECT chunk_index, error FROM chunk_results
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND status = 'dead'
        ORDER BY chunk_index LIMIT (argument ->> 'limit')::integer) d
$$;
REVOKE ALL ON FUNCTION public.read_dead_chunks(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_dead_chunks(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_dead_chunks(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_dead_letter_positions(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_agg(p ORDER BY p.topic, p.partition), '[]') FROM dead_letter_positions p
$$;
REVOKE ALL ON FUNCTION public.read_dead_letter_positions(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_dead_letter_positions(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_dead_letter_positions(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_documents(argument jsonb) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.read_documents(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_documents(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_documents(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_embedding_usage(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT u.user_id, sum(u.passages)::bigint AS passages, sum(u.calls)::bigint AS calls,
               least(sum(u.input_tokens), 9007199254740991)::bigint AS input_tokens,
               CASE WHEN bool_or(u.cost IS NULL) THEN NULL ELSE sum(u.cost) END AS cost
        FROM embedding_usage u
        WHERE nullif(argument -> 'user_id', 'null') IS NULL OR u.user_id = (argument ->> 'user_id')::uuid
        GROUP BY u.user_id ORDER BY cost DESC NULLS FIRST, calls DESC, u.user_id
        LIMIT (argument ->> 'limit')::integer) t
$$;
REVOKE ALL ON FUNCTION public.read_embedding_usage(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_embedding_usage(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_embedding_usage(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_facts(argument jsonb) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    p_import_id uuid := (argument ->> 'import_id')::uuid;
    p_run integer := (argument ->> 'run')::integer;
    p_matter text := coalesce(argument -> 'after' ->> 0, '');
    p_stated timestamptz := coalesce((argument -> 'after' ->> 1)::timestamptz, '-infinity');
    p_fact uuid := coalesce((argument -> 'after' ->> 2)::uuid, '00000000-0000-0000-0000-000000000000');
    answer json;
BEGIN
    SELECT json_agg(t) INTO answer FROM (
        SELECT f.fact_id AS id, f.category, f.statement, f.quote, f.message_ids, f.conversation_id,
               f.stated_at, f.valid_from, f.valid_until, f.confidence, f.source_kind,
               f.matter, f.chunk_index, f.status, f.support, f.superseded_by, f.merged_into
        FROM facts f
        WHERE f.import_id = p_import_id AND f.run = p_run AND f.status <> 'hidden'
          AND (f.matter, coalesce(f.stated_at, '-infinity'), f.fact_id) > (p_matter, p_stated, p_fact)
        ORDER BY f.matter, coalesce(f.stated_at, '-infinity'), f.fact_id
        LIMIT (argument ->> 'limit')::integer) t;
    RETURN coalesce(answer, '[]');
END
$$;
REVOKE ALL ON FUNCTION public.read_facts(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_facts(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_facts(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_fed_pairs(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.read_fed_pairs(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_fed_pairs(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_fed_pairs(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_holds(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT service, hold, reason, min(since) AS since, count(*) AS replicas FROM service_holds
        WHERE seen_at > now() - make_interval(secs => (argument ->> 'seconds')::double precision)
        GROUP BY service, hold, reason ORDER BY service, hold, reason) t
$$;
REVOKE ALL ON FUNCTION public.read_holds(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_holds(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_holds(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_in_flight(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT i.pipeline AS lane, CASE WHEN i.replay_id IS NULL THEN i.kind ELSE 'replay' END AS kind, count(*) AS runs
        FROM imports i
        WHERE i.state NOT IN ('complete', 'failed', 'cancelled') AND i.on_log
        GROUP BY 1, 2 ORDER BY 1, 2 LIMIT (argument ->> 'limit')::integer) t
$$;
REVOKE ALL ON FUNCTION public.read_in_flight(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_in_flight(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_in_flight(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_joined(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    i imports;
BEGIN
    SELECT * INTO i FROM imports n
        WHERE n.import_id = (argument ->> 'import_id')::uuid AND n.run = (argument ->> 'run')::integer;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    RETURN (
        WITH parts AS MATERIALIZED (
            SELECT p.lineage, p.number, s.sample, s.accounts -> p.source AS a, p.import_id, p.run, p.source
            FROM (
                SELECT key::integer AS number, value ->> 'lineage' AS lineage,
                       coalesce((j.e ->> 'import_id')::uuid, i.import_id) AS import_id,
                       coalesce((j.e ->> 'run')::integer, i.run) AS run,
                       coalesce((j.e ->> 'account')::integer, key::integer) AS source
                FROM jsonb_each(accounts_of(i))
                LEFT JOIN jsonb_array_elements(i.joined) WITH ORDINALITY AS j(e, n)
                    ON first_joined() + j.n - 1 = key::integer) p
            JOIN imports s ON s.import_id = p.import_id AND s.run = p.run
        )
        SELECT jsonb_build_object(
            'newest', (SELECT max(f.stated_at) FROM facts f
                       WHERE f.import_id = i.import_id AND f.run = i.run AND f.status <> 'hidden'),
            'parts', coalesce((
                SELECT jsonb_agg(p.a || jsonb_build_object(
                    'dead', (SELECT count(*) FROM chunk_results r
                             WHERE r.import_id = p.import_id AND r.run = p.run AND r.account = p.source
                               AND r.status = 'dead'),
                    'unread', (SELECT count(DISTINCT u) FROM chunk_results r, unnest(r.unread) u
                               WHERE r.import_id = p.import_id AND r.run = p.run AND r.account = p.source))
                    ORDER BY p.lineage COLLATE "C", p.number)
                FROM parts p), '[]'),
            'sample', coalesce((
                SELECT jsonb_agg(o.e ORDER BY o.said DESC, o.id COLLATE "C" DESC) FROM (
                    SELECT * FROM (
                        SELECT DISTINCT ON (e ->> 'id') e, e ->> 'id' AS id,
                               (e ->> 'person_characters')::bigint AS said
                        FROM parts p, jsonb_array_elements(p.sample) e
                        WHERE coalesce((e ->> 'account')::integer, 0) = p.source
                        ORDER BY e ->> 'id', (e ->> 'person_characters')::bigint DESC, p.lineage COLLATE "C",
                                 p.number) d
                    ORDER BY d.said DESC, d.id COLLATE "C" DESC
                    LIMIT (argument ->> 'sample_size')::integer) o), '[]')));
END
$$;
REVOKE ALL ON FUNCTION public.read_joined(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_joined(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_joined(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_kept_memory(argument jsonb) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT memory FROM memory_outbox
    WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
$$;
REVOKE ALL ON FUNCTION public.read_kept_memory(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_kept_memory(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_kept_memory(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_legacy_calls(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT c.route, c.user_id, c.calls, c.first_at, c.last_at FROM legacy_calls c
        WHERE c.last_at >= (argument ->> 'since')::timestamptz
        ORDER BY c.last_at DESC, c.user_id LIMIT (argument ->> 'limit')::integer) t
$$;
REVOKE ALL ON FUNCTION public.read_legacy_calls(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_legacy_calls(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_legacy_calls(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_of_others(i public.imports, OUT conversations integer, OUT messages integer) RETURNS record
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(sum((e ->> 'conversations')::integer), 0)::integer,
           coalesce(sum((e ->> 'messages')::integer), 0)::integer
    FROM lineages l JOIN imports c ON c.import_id = l.import_id AND c.run = l.run
    CROSS JOIN LATERAL jsonb_array_elements(c.accounts) e
    WHERE l.user_id = i.user_id AND l.lineage <> ALL (own_lineages(i)) AND e ->> 'lineage' = l.lineage
$$;
REVOKE ALL ON FUNCTION public.read_of_others(i public.imports, OUT conversations integer, OUT messages integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_of_others(i public.imports, OUT conversations integer, OUT messages integer) TO service_role;

CREATE FUNCTION public.read_outbox(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT json_build_object('runs', count(*), 'seconds', coalesce(
        greatest(extract(epoch FROM clock_timestamp() - min(requested_at)), 0), 0))
    FROM imports WHERE state = 'received' AND on_log AND offered_at IS NULL
$$;
REVOKE ALL ON FUNCTION public.read_outbox(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_outbox(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_outbox(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_outcomes(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.read_outcomes(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_outcomes(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_outcomes(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_overrides(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT o.user_id, o.lane, o.until, o.changed_by, o.changed_at, o.reason
        FROM routing_overrides o WHERE o.until IS NULL OR o.until > now()
        ORDER BY o.changed_at DESC, o.user_id LIMIT (argument ->> 'limit')::integer) t
$$;
REVOKE ALL ON FUNCTION public.read_overrides(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_overrides(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_overrides(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_pairs(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.read_pairs(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_pairs(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_pairs(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_passages(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT c.conversation_id, c.passage_index, c.title, c.content, c.token_count, c.chunk_tier,
               c.is_recent, c.message_count, nullif(c.created_at, 'epoch') AS created_at
        FROM conversation_chunks c
        WHERE c.user_id = (argument ->> 'user_id')::uuid
          AND c.conversation_id COLLATE "C" = argument ->> 'conversation_id' AND c.passage_index IS NOT NULL
        ORDER BY c.passage_index) t
$$;
REVOKE ALL ON FUNCTION public.read_passages(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_passages(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_passages(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_policy(argument jsonb) RETURNS jsonb
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT to_jsonb(held_policy()) - 'id' || jsonb_build_object('now', clock_timestamp())
$$;
REVOKE ALL ON FUNCTION public.read_policy(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_policy(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_policy(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_policy_history(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT h.version, h.policy, h.changed_by, h.changed_at, h.reason, h.figures FROM routing_history h
        ORDER BY h.version DESC LIMIT (argument ->> 'limit')::integer) t
$$;
REVOKE ALL ON FUNCTION public.read_policy_history(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_policy_history(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_policy_history(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_profile(argument jsonb) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT to_jsonb(p) || jsonb_build_object(
        'import_id', s.import_id, 'run', s.run, 'pipeline', s.pipeline,
        'memory_import_id', s.memory_import_id, 'memory_run', s.memory_run, 'lineages', lineages_of(p.user_id),
        'documents', coalesce(s.documents, '{}'))
    FROM user_profiles p LEFT JOIN served_memories s ON s.user_id = p.user_id
    WHERE p.user_id = (argument ->> 'user_id')::uuid
$$;
REVOKE ALL ON FUNCTION public.read_profile(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_profile(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_profile(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_replay(argument jsonb) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT tell_replay((argument ->> 'replay_id')::uuid)
$$;
REVOKE ALL ON FUNCTION public.read_replay(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_replay(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_replay(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_replay_figures(argument jsonb) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET statement_timeout TO '450s'
    AS $$
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
REVOKE ALL ON FUNCTION public.read_replay_figures(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_replay_figures(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_replay_figures(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_replay_progress(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET statement_timeout TO '450s'
    AS $$
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
REVOKE ALL ON FUNCTION public.read_replay_progress(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_replay_progress(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_replay_progress(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_run(argument jsonb) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT to_jsonb(i) - ARRAY['sample', 'superseded', 'ordinal', 'usage', 'reopened_from', 'spent_before'] || jsonb_build_object(
        'state', told_state(i),
        'served', (
            SELECT jsonb_build_array(s.import_id, s.run) FROM served_memories s
            WHERE s.user_id = i.user_id AND s.import_id IS NOT NULL),
        'unread_conversations', (
            SELECT count(DISTINCT u) FROM chunk_results r, unnest(r.unread) u
            WHERE r.import_id = i.import_id AND r.run = i.run),
        'dropped', (
            SELECT coalesce(jsonb_object_agg(d.reason, d.total), '{}') FROM (
                SELECT e.key AS reason, least(sum(e.value::bigint), 9007199254740991)::bigint AS total
                FROM chunk_results r, jsonb_each_text(r.dropped) e
                WHERE r.import_id = i.import_id AND r.run = i.run GROUP BY e.key) d),
        'extraction_usage', extraction_usage(i),
        'committed_usage', nullif(i.usage, '{}'))
    FROM imports i
    WHERE i.import_id = (argument ->> 'import_id')::uuid AND i.run = (argument ->> 'run')::integer
$$;
REVOKE ALL ON FUNCTION public.read_run(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_run(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_run(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_sample(argument jsonb) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT sample FROM imports
    WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
$$;
REVOKE ALL ON FUNCTION public.read_sample(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_sample(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_sample(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_served(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT json_build_object(
        'user_id', p.user_id, 'import_id', s.import_id, 'run', s.run, 'pipeline', s.pipeline, 'kind', i.kind,
        'coverage', i.coverage, 'served_at', s.served_at, 'lineages', lineages_of(p.user_id),
        'memory_import_id', s.memory_import_id, 'memory_run', s.memory_run,
        'format', s.profile_format, 'full_pass_status', p.full_pass_status,
        'sections', json_build_object(
            'soul', coalesce(d.written ->> 'soul', p.soul_md),
            'identity', coalesce(d.written ->> 'identity', p.identity_md),
            'user', coalesce(d.written ->> 'user', p.user_md),
            'agents', coalesce(d.written ->> 'agents', p.agents_md),
            'tools', coalesce(d.written ->> 'tools', p.tools_md)),
        'memory_md', p.memory_md)
    FROM user_profiles p
    LEFT JOIN served_memories s ON s.user_id = p.user_id
    LEFT JOIN imports i ON i.import_id = s.import_id AND i.run = s.run
    CROSS JOIN LATERAL (SELECT s.documents -> s.profile_format AS written) d
    WHERE p.user_id = (argument ->> 'user_id')::uuid
      AND (s.user_id IS NOT NULL OR has_sections(p) OR p.memory_md <> '')
$$;
REVOKE ALL ON FUNCTION public.read_served(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_served(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_served(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_usage(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET statement_timeout TO '450s'
    AS $$
    SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT * FROM user_usage
        WHERE nullif(argument -> 'user_id', 'null') IS NULL OR user_id = (argument ->> 'user_id')::uuid
        ORDER BY cost DESC NULLS FIRST, calls DESC, user_id LIMIT (argument ->> 'limit')::integer) t
$$;
REVOKE ALL ON FUNCTION public.read_usage(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_usage(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_usage(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.read_user_names(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_object_agg(user_id, name), '{}') FROM user_names
    WHERE user_id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text(argument -> 'user_ids')))
$$;
REVOKE ALL ON FUNCTION public.read_user_names(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_user_names(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.read_user_names(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.recall_runs(argument jsonb) RETURNS json
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.recall_runs(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.recall_runs(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.recall_runs(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.recall_writing(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    found jsonb;
BEGIN
    UPDATE writing_cache w SET
            used_at = clock_timestamp(), import_id = (argument ->> 'import_id')::uuid,
            run = (argument ->> 'run')::integer
        WHERE w.user_id = (argument ->> 'user_id')::uuid AND w.model = argument ->> 'model'
          AND w.version = argument ->> 'version' AND w.digest = argument ->> 'digest'
        RETURNING w.answer INTO found;
    RETURN found;
END
$$;
REVOKE ALL ON FUNCTION public.recall_writing(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.recall_writing(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.recall_writing(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.reckon_run(r public.replays, b public.imports, rates jsonb, variant text, writing_version text, OUT chunks integer, OUT cached integer, OUT calls integer, OUT input_tokens bigint, OUT output_tokens bigint, OUT cost double precision) RETURNS record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    partly CONSTANT boolean := r.which <@ ARRAY['missing', 'dead'];
    -- one of the models that read the base: which of them read a chunk is not known
    own CONSTANT boolean := jsonb_array_length(b.readers) = 1 AND b.readers -> 0 ->> 'model' = r.model;
    was CONSTANT jsonb := nullif(b.variant, '');
    recut CONSTANT double precision := CASE
        WHEN r.stage = 'chunks' AND NOT partly AND (was -> 'chunk_tokens' <> variant::jsonb -> 'chunk_tokens'
                                                    OR was -> 'context_chars' <> variant::jsonb -> 'context_chars')
        THEN coalesce((was ->> 'chunk_tokens')::double precision
                      / nullif((variant::jsonb ->> 'chunk_tokens')::double precision, 0), 1) END;
    versions text[];
    absent integer := 0;
    t record;
    w jsonb;
    took double precision[];
    writing double precision[] := '{0,0,0,0,0}';
    weight double precision;
BEGIN
    chunks := 0; cached := 0;
    took := '{0,0,0,0,0}';
    IF r.stage <> 'memory' THEN
        versions := ARRAY(
            SELECT DISTINCT e ->> 'prompt_version' FROM imports o, jsonb_array_elements(o.readers) e
            WHERE o.import_id = b.import_id AND e ->> 'model' = r.model);
        -- OFFSET 0 keeps each probe of the cache a probe.
        SELECT count(*) FILTER (WHERE e.asked) AS chunks, count(*) FILTER (WHERE e.asked AND e.hit) AS cached,
               count(*) AS known, count(*) FILTER (WHERE e.void) AS void,
               coalesce(sum(e.calls) FILTER (WHERE e.pays), 0) AS calls,
               coalesce(sum(e.fresh) FILTER (WHERE e.pays), 0) AS fresh,
               coalesce(sum(e.out) FILTER (WHERE e.pays), 0) AS out,
               coalesce(sum(e.read) FILTER (WHERE e.pays), 0) AS read,
               coalesce(sum(e.written) FILTER (WHERE e.pays), 0) AS written,
               coalesce(avg(e.calls), 0) AS each_calls, coalesce(avg(e.fresh), 0) AS each_fresh,
               coalesce(avg(e.out), 0) AS each_out, coalesce(avg(e.read), 0) AS each_read,
               coalesce(avg(e.written), 0) AS each_written
        INTO t
        FROM (
            SELECT d.*, d.asked AND NOT d.hit AS pays,
                   CASE WHEN d.void OR d.silent THEN 0
                        ELSE coalesce((d.u ->> 'calls')::double precision, 1) END AS calls,
                   CASE WHEN d.void OR d.silent THEN 0 ELSE coalesce(
                       (d.u ->> 'input_tokens')::double precision,
                       CASE WHEN d.other_in IS NOT NULL THEN greatest(
                           d.other_in - coalesce((rates -> 'call' ->> 'cache_read_tokens')::double precision, 0), 0) END,
                       (rates -> 'call' ->> 'input_tokens')::double precision
                       + (rates -> 'token' ->> 0)::double precision * d.tokens, 0) END AS fresh,
                   CASE WHEN d.void OR d.silent THEN 0 ELSE coalesce(
                       (d.u ->> 'output_tokens')::double precision, d.other_out,
                       (rates -> 'call' ->> 'output_tokens')::double precision
                       + (rates -> 'token' ->> 1)::double precision * d.tokens, 0) END AS out,
                   CASE WHEN d.void OR d.silent THEN 0 ELSE coalesce(
                       (coalesce(d.u, rates -> 'call') ->> 'cache_read_tokens')::double precision, 0) END AS read,
                   CASE WHEN d.void OR d.silent THEN 0
                        ELSE coalesce((d.u ->> 'cache_write_tokens')::double precision, 0) END AS written
            FROM (
                SELECT fate_of(c) = 'missing' AS void, NOT partly OR fate_of(c) = ANY (r.which) AS asked,
                       c.tokens = 0 AND coalesce((c.usage ->> 'calls')::integer, 0) = 0 AS silent, c.tokens,
                       recut IS NULL AND EXISTS (
                           SELECT FROM extraction_cache x
                           WHERE x.user_id = c.user_id AND x.model = r.model AND x.prompt_version = r.prompt_version
                             AND x.content_hash = c.content_hash OFFSET 0) AS hit,
                       CASE WHEN (c.usage ->> 'calls')::integer = 1 AND c.status = 'ok' AND NOT own
                            THEN (c.usage ->> 'output_tokens')::double precision END AS other_out,
                       -- a prompt as another model read it, cached parts and all
                       CASE WHEN (c.usage ->> 'calls')::integer = 1 AND c.status = 'ok' AND NOT own
                            THEN (c.usage ->> 'input_tokens')::double precision
                                 + coalesce((c.usage ->> 'cache_read_tokens')::double precision, 0)
                                 + coalesce((c.usage ->> 'cache_write_tokens')::double precision, 0) END AS other_in,
                       CASE WHEN recut IS NOT NULL THEN NULL
                            WHEN own AND c.status = 'ok' AND (c.usage ->> 'calls')::integer > 0 THEN c.usage
                            ELSE (SELECT x.usage FROM extraction_cache x
                                  WHERE x.user_id = c.user_id AND x.model = r.model
                                    AND x.prompt_version = ANY (versions) AND x.content_hash = c.content_hash
                                    AND (x.usage ->> 'calls')::integer > 0
                                  ORDER BY x.created_at DESC LIMIT 1) END AS u
                FROM chunk_results c WHERE c.import_id = b.import_id AND c.run = b.run OFFSET 0) d) e;
        took := ARRAY[t.calls, t.fresh, t.out, t.read, t.written];
        chunks := t.chunks; cached := t.cached;
        IF NOT partly OR 'missing' = ANY (r.which) THEN
            absent := greatest(coalesce(b.chunks_total, 0) - t.known, 0);
            chunks := chunks + absent; absent := absent + t.void;
        END IF;
        IF absent > 0 THEN
            weight := absent * t.known / greatest(t.known - t.void, 1)::double precision;  -- void ones count as 0
            took := CASE WHEN t.known > t.void THEN ARRAY[
                t.calls + weight * t.each_calls, t.fresh + weight * t.each_fresh, t.out + weight * t.each_out,
                t.read + weight * t.each_read, t.written + weight * t.each_written]
            ELSE ARRAY[
                absent,
                absent * ((rates -> 'call' ->> 'input_tokens')::double precision + (rates -> 'token' ->> 0)::double precision
                          * coalesce((variant::jsonb ->> 'chunk_tokens')::double precision, 0)),
                absent * ((rates -> 'call' ->> 'output_tokens')::double precision + (rates -> 'token' ->> 1)::double precision
                          * coalesce((variant::jsonb ->> 'chunk_tokens')::double precision, 0)),
                absent * (rates -> 'call' ->> 'cache_read_tokens')::double precision, 0] END;
        END IF;
        IF recut IS NOT NULL THEN  -- as many tokens, in more calls or in fewer
            took := ARRAY[
                took[1] * recut, took[2] + took[1] * (recut - 1) * (rates -> 'call' ->> 'input_tokens')::double precision,
                took[3] + took[1] * (recut - 1) * (rates -> 'call' ->> 'output_tokens')::double precision,
                took[4] * recut, took[5]];
            chunks := ceil(chunks * recut);
        END IF;
    END IF;
    IF nullif(rates, 'null') IS NULL THEN
        calls := 0; input_tokens := 0; output_tokens := 0; cost := 0;
        RETURN;
    END IF;
    IF NOT (cached = chunks AND (r.stage = 'memory' OR NOT partly AND b.readers = jsonb_build_array(
                jsonb_build_object('model', r.model, 'prompt_version', r.prompt_version)))
            AND writing_is_kept(b, r.model, writing_version)) THEN
        writing := reckon_writing(r, b, rates);
    END IF;
    took := ARRAY(SELECT coalesce(x, 0) + coalesce(y, 0) FROM unnest(took, writing) WITH ORDINALITY AS z(x, y, n) ORDER BY n);
    calls := round(took[1]); input_tokens := round(took[2] + took[4] + took[5]); output_tokens := round(took[3]);
    cost := CASE
        WHEN calls = 0 THEN 0
        ELSE took[2] * (rates -> 'price' ->> 'input_tokens')::double precision
             + took[3] * (rates -> 'price' ->> 'output_tokens')::double precision
             + took[4] * (rates -> 'price' ->> 'cache_read_tokens')::double precision
             + took[5] * (rates -> 'price' ->> 'cache_write_tokens')::double precision END;
END
$$;
REVOKE ALL ON FUNCTION public.reckon_run(r public.replays, b public.imports, rates jsonb, variant text, writing_version text, OUT chunks integer, OUT cached integer, OUT calls integer, OUT input_tokens bigint, OUT output_tokens bigint, OUT cost double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION public.reckon_run(r public.replays, b public.imports, rates jsonb, variant text, writing_version text, OUT chunks integer, OUT cached integer, OUT calls integer, OUT input_tokens bigint, OUT output_tokens bigint, OUT cost double precision) TO service_role;

CREATE FUNCTION public.reckon_writing(r public.replays, b public.imports, rates jsonb) RETURNS double precision[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    facts CONSTANT double precision := coalesce(
        (b.fact_counts ->> 'kept')::double precision,
        b.facts_extracted * coalesce(b.chunks_total / nullif(b.chunks_ok, 0)::double precision, 1));
    o imports;
    took double precision[];
BEGIN
    FOR o IN
        SELECT * FROM imports n
        WHERE n.import_id = b.import_id AND n.kind = 'primary' AND n.state = 'complete' AND n.usage <> '{}'
        -- another model's tokens are closer than a forecast that knows nothing of this person
        ORDER BY n.readers @> jsonb_build_array(jsonb_build_object('model', r.model)) DESC, n.run DESC LIMIT 8
    LOOP
        SELECT ARRAY[
            (o.usage ->> 'calls')::double precision - coalesce(sum((c.usage ->> 'calls')::double precision), 0),
            (o.usage ->> 'input_tokens')::double precision
                - coalesce(sum((c.usage ->> 'input_tokens')::double precision), 0),
            (o.usage ->> 'output_tokens')::double precision
                - coalesce(sum((c.usage ->> 'output_tokens')::double precision), 0),
            (o.usage ->> 'cache_read_tokens')::double precision
                - coalesce(sum((c.usage ->> 'cache_read_tokens')::double precision), 0),
            (o.usage ->> 'cache_write_tokens')::double precision
                - coalesce(sum((c.usage ->> 'cache_write_tokens')::double precision), 0)]
        INTO took FROM chunk_results c WHERE c.import_id = o.import_id AND c.run = o.run;
        IF took[1] > 0 THEN
            RETURN ARRAY(SELECT greatest(x, 0) FROM unnest(took) x);
        END IF;
    END LOOP;
    RETURN (
        SELECT ARRAY(
            SELECT low.v + (coalesce(high.v, low.v) - low.v) * p.place
                   + CASE k.name WHEN 'input_tokens' THEN coalesce(least(
                         (rates -> 'excerpts' ->> 0)::double precision * (
                             SELECT sum(c.tokens) FROM chunk_results c
                             WHERE c.import_id = b.import_id AND c.run = b.run),
                         (rates -> 'excerpts' ->> 1)::double precision), 0) ELSE 0 END
            FROM unnest(ARRAY['calls', 'input_tokens', 'output_tokens', 'cache_read_tokens', 'cache_write_tokens'])
                     WITH ORDINALITY AS k(name, n)
            CROSS JOIN LATERAL (SELECT (p.low -> 1 ->> k.name)::double precision AS v) low
            CROSS JOIN LATERAL (SELECT (p.high -> 1 ->> k.name)::double precision AS v) high
            ORDER BY k.n)
        FROM (
            SELECT q.low, q.high, coalesce((facts - (q.low ->> 0)::double precision)
                       / nullif((q.high ->> 0)::double precision - (q.low ->> 0)::double precision, 0), 0) AS place
            FROM (
                SELECT (array_agg(e ORDER BY n DESC) FILTER (WHERE (e ->> 0)::double precision <= facts))[1] AS low,
                       (array_agg(e ORDER BY n) FILTER (WHERE (e ->> 0)::double precision > facts))[1] AS high
                FROM jsonb_array_elements(rates -> 'writing') WITH ORDINALITY AS x(e, n)) q) p);
END
$$;
REVOKE ALL ON FUNCTION public.reckon_writing(r public.replays, b public.imports, rates jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.reckon_writing(r public.replays, b public.imports, rates jsonb) TO service_role;

CREATE FUNCTION public.reckoned(x public.replay_items) RETURNS double precision
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(x.cost, CASE WHEN x.calls = 0 THEN 0 END)
$$;
REVOKE ALL ON FUNCTION public.reckoned(x public.replay_items) FROM PUBLIC;
GRANT ALL ON FUNCTION public.reckoned(x public.replay_items) TO service_role;

CREATE FUNCTION public.record_chunks(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    recorded integer;
    ignored jsonb;
    complete jsonb := '[]';
    touched record;
    counted imports;
    reader CONSTANT jsonb := jsonb_build_array(jsonb_build_object(
        'model', argument ->> 'model', 'prompt_version', argument ->> 'prompt_version'));
BEGIN
    -- One caller at a time per run, locked in one order: no deadlock, and the last one sees the run complete.
    FOR touched IN
        SELECT DISTINCT (e -> 'event' ->> 'import_id')::uuid AS import_id,
                        (e -> 'event' ->> 'run')::integer AS run
        FROM jsonb_array_elements(argument -> 'results') e ORDER BY import_id, run
    LOOP
        PERFORM FROM imports i WHERE i.import_id = touched.import_id AND i.run = touched.run FOR UPDATE;
    END LOOP;

    WITH incoming AS MATERIALIZED (
        SELECT DISTINCT ON (v.import_id, v.run, v.user_id, v.index)
               v.*, e -> 'matters' AS matters
        FROM jsonb_array_elements(argument -> 'results') WITH ORDINALITY AS x(e, n),
             jsonb_to_record(e -> 'event') AS v(
                 import_id uuid, user_id uuid, run integer, chunk_id uuid, index integer, content_hash text,
                 status text, facts jsonb, cached boolean, dropped jsonb, unread jsonb, usage jsonb,
                 error text, account smallint, tokens integer)
        ORDER BY v.import_id, v.run, v.user_id, v.index, (v.status = 'ok') DESC, n
    ), judged AS MATERIALIZED (
        SELECT n.*, r.status AS was, CASE
            WHEN i.user_id IS DISTINCT FROM n.user_id THEN 'unknown'
            WHEN i.state = 'cancelled' THEN 'cancelled'
            WHEN EXISTS (SELECT FROM imports o
                         WHERE o.import_id = n.import_id AND o.run > n.run AND o.kind = i.kind) THEN 'older'
            WHEN r.status IS NOT NULL AND NOT (
                r.status = 'dead' AND n.status = 'ok' AND i.state IN ('chunking', 'extracting'))
                THEN 'repeated'
            WHEN i.state IN ('complete', 'failed') THEN 'finished'
            WHEN n.index >= i.chunks_total THEN 'beyond total'
        END AS refusal
        FROM incoming n
        LEFT JOIN imports i ON i.import_id = n.import_id AND i.run = n.run
        LEFT JOIN chunk_results r
               ON r.import_id = n.import_id AND r.run = n.run AND r.chunk_index = n.index
    ), fresh AS MATERIALIZED (
        SELECT * FROM judged WHERE refusal IS NULL
    ), results AS (
        INSERT INTO chunk_results (import_id, run, chunk_index, chunk_id, user_id, content_hash, status,
                                   cached, dropped, unread, usage, error, account, tokens)
        SELECT import_id, run, index, chunk_id, user_id, content_hash, status, coalesce(cached, false),
               nullif(dropped, '{}'),
               CASE WHEN unread <> '[]' THEN ARRAY(SELECT jsonb_array_elements_text(unread)) END, usage, error,
               coalesce(account, 0), coalesce(tokens, 0)
        FROM fresh
        ON CONFLICT (import_id, run, chunk_index) DO UPDATE SET
            status = excluded.status, cached = excluded.cached, dropped = excluded.dropped,
            unread = excluded.unread, usage = excluded.usage, error = excluded.error,
            chunk_id = excluded.chunk_id, content_hash = excluded.content_hash, account = excluded.account,
            tokens = excluded.tokens
    ), facts_in AS (
        -- A fact met in several chunks of one account is the one of the latest chunk: a newer version of a conversation
        -- keeps what it repeats when the older version's facts are deleted.
        INSERT INTO facts AS f (import_id, run, fact_id, user_id, category, matter, statement, quote,
                                message_ids, conversation_id, stated_at, valid_from, valid_until,
                                confidence, source_kind, chunk_index, account)
        SELECT DISTINCT ON (n.import_id, n.run, t.id, coalesce(n.account, 0))
               n.import_id, n.run, t.id, n.user_id, t.category, coalesce(t.matter, ''), t.statement, t.quote,
               t.message_ids, t.conversation_id, t.stated_at, t.valid_from, t.valid_until,
               t.confidence, t.source_kind, n.index, coalesce(n.account, 0)
        FROM fresh n,
             ROWS FROM (
                 jsonb_to_recordset(n.facts) AS (
                     id uuid, category text, statement text, quote text, message_ids text[],
                     conversation_id text, stated_at timestamptz, valid_from date, valid_until date,
                     confidence double precision, source_kind text),
                 jsonb_array_elements_text(n.matters)
             ) WITH ORDINALITY AS t(id, category, statement, quote, message_ids, conversation_id, stated_at,
                                    valid_from, valid_until, confidence, source_kind, matter, n)
        WHERE t.id IS NOT NULL
        ORDER BY n.import_id, n.run, t.id, coalesce(n.account, 0), n.index DESC, t.n
        ON CONFLICT (import_id, run, fact_id, account) DO UPDATE SET
            matter = excluded.matter, quote = excluded.quote, message_ids = excluded.message_ids,
            conversation_id = excluded.conversation_id, stated_at = excluded.stated_at,
            valid_from = excluded.valid_from, valid_until = excluded.valid_until,
            confidence = excluded.confidence, source_kind = excluded.source_kind,
            chunk_index = excluded.chunk_index
        WHERE f.chunk_index < excluded.chunk_index
    ), cache_in AS (
        INSERT INTO extraction_cache (user_id, content_hash, model, prompt_version, facts, dropped, unread,
                                      usage)
        SELECT DISTINCT ON (user_id, content_hash COLLATE "C")
               user_id, content_hash, argument ->> 'model', argument ->> 'prompt_version', facts,
               coalesce(dropped, '{}'), coalesce(unread, '[]'), coalesce(usage, '{}')
        FROM fresh WHERE status = 'ok' AND NOT coalesce(cached, false)
        ORDER BY user_id, content_hash COLLATE "C", import_id, run, index  -- of equal chunks the first, whatever the plan
        ON CONFLICT DO NOTHING
    ), counted AS (
        UPDATE imports i SET
            chunks_ok = i.chunks_ok + c.ok, chunks_dead = i.chunks_dead + c.dead - c.mended,
            chunks_cached = i.chunks_cached + c.cached, facts_extracted = i.facts_extracted + c.facts,
            readers = CASE WHEN i.readers @> reader THEN i.readers ELSE i.readers || reader END,
            updated_at = now()
        FROM (
            SELECT import_id, run, count(*) FILTER (WHERE status = 'ok') AS ok,
                   count(*) FILTER (WHERE status = 'dead') AS dead, count(was) AS mended,
                   count(*) FILTER (WHERE fresh.cached) AS cached,
                   sum(jsonb_array_length(facts)) AS facts  -- for progress: close_extraction counts exactly
            FROM fresh GROUP BY import_id, run
        ) c
        WHERE i.import_id = c.import_id AND i.run = c.run
    )
    SELECT count(*) FILTER (WHERE refusal IS NULL),
           coalesce(jsonb_agg(jsonb_build_object('import_id', import_id, 'run', run, 'index', index,
                                                 'user_id', user_id, 'reason', refusal))
                    FILTER (WHERE refusal IS NOT NULL), '[]')
    INTO recorded, ignored FROM judged;

    FOR touched IN
        SELECT DISTINCT (e -> 'event' ->> 'import_id')::uuid AS import_id,
                        (e -> 'event' ->> 'run')::integer AS run
        FROM jsonb_array_elements(argument -> 'results') e ORDER BY import_id, run
    LOOP
        SELECT * INTO counted FROM imports i
            WHERE i.import_id = touched.import_id AND i.run = touched.run;
        CONTINUE WHEN NOT is_complete_run(counted);
        IF counted.state <> 'consolidating' THEN
            PERFORM close_extraction(touched.import_id, touched.run);
        END IF;
        complete := complete || jsonb_build_object('import_id', touched.import_id, 'run', touched.run);
    END LOOP;
    RETURN jsonb_build_object('recorded', recorded, 'ignored', ignored, 'complete', complete);
END
$$;
REVOKE ALL ON FUNCTION public.record_chunks(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.record_chunks(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.record_chunks(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.record_dead_letters(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.record_dead_letters(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.record_dead_letters(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.record_dead_letters(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.recorded_chunks(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_agg(json_build_array(first, last) ORDER BY first), '[]') FROM (
        SELECT min(chunk_index) AS first, max(chunk_index) AS last FROM (
            SELECT chunk_index, chunk_index - row_number() OVER (ORDER BY chunk_index) AS island
            FROM chunk_results
            WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer) r
        GROUP BY island) g
$$;
REVOKE ALL ON FUNCTION public.recorded_chunks(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.recorded_chunks(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.recorded_chunks(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.release_lease(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    DELETE FROM leases WHERE name = argument ->> 'name' AND owner = argument ->> 'owner';
    RETURN to_jsonb(FOUND);
END
$$;
REVOKE ALL ON FUNCTION public.release_lease(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.release_lease(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.release_lease(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.release_passages(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    UPDATE embedding_claims e SET owner = NULL, until = 'epoch' WHERE e.owner = argument ->> 'owner';
    DELETE FROM embedding_claims e
        WHERE e.owner IS NULL AND NOT EXISTS (SELECT FROM conversation_chunks c WHERE c.id = e.passage_id);
    RETURN to_jsonb(true);
END
$$;
REVOKE ALL ON FUNCTION public.release_passages(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.release_passages(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.release_passages(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.release_run(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    UPDATE imports SET lease_owner = NULL, lease_until = NULL, updated_at = now()
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND lease_owner = argument ->> 'owner';
    RETURN to_jsonb(FOUND);
END
$$;
REVOKE ALL ON FUNCTION public.release_run(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.release_run(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.release_run(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.renew_passages(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    renewed integer;
BEGIN
    UPDATE embedding_claims e
        SET until = clock_timestamp() + make_interval(secs => (argument ->> 'seconds')::double precision)
        WHERE e.owner = argument ->> 'owner';
    GET DIAGNOSTICS renewed = ROW_COUNT;
    RETURN to_jsonb(renewed);
END
$$;
REVOKE ALL ON FUNCTION public.renew_passages(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.renew_passages(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.renew_passages(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.renew_run(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    UPDATE imports SET
            lease_until = clock_timestamp()
                + make_interval(secs => (argument ->> 'lease_seconds')::double precision)
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND lease_owner = argument ->> 'owner' AND state = 'consolidating';
    RETURN to_jsonb(FOUND);
END
$$;
REVOKE ALL ON FUNCTION public.renew_run(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.renew_run(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.renew_run(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.reopen_chunks(i public.imports, indices integer[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.reopen_chunks(i public.imports, indices integer[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.reopen_chunks(i public.imports, indices integer[]) TO service_role;

CREATE FUNCTION public.replay_of(i public.imports) RETURNS jsonb
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    RETURN jsonb_build_object(
        'stage', i.replay_stage, 'base_run', i.base_run, 'total', i.chunks_total,
        'same_chunks', i.replay_stage <> 'chunks' OR EXISTS (
            SELECT FROM replays r WHERE r.id = i.replay_id AND r.which <@ ARRAY['missing', 'dead']),
        'written', (
            WITH RECURSIVE earlier AS (
                SELECT b.*, 1 AS step FROM imports b WHERE b.import_id = i.import_id AND b.run = i.base_run
                UNION ALL
                -- a replay of a memory wrote no chunks; one that read the export anew may have cut it otherwise
                SELECT b.*, e.step + CASE e.replay_stage WHEN 'memory' THEN 0 ELSE 1 END FROM earlier e
                JOIN imports b ON b.import_id = e.import_id AND b.run = e.base_run
                WHERE b.run < e.run AND e.step < 8 AND (e.replay_stage <> 'chunks' OR EXISTS (
                    SELECT FROM replays r WHERE r.id = e.replay_id AND r.which <@ ARRAY['missing', 'dead']))
            )
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'run', e.run, 'pipeline', e.pipeline, 'begun_at', e.begun_at, 'ended_at', t.ended,
                'read_at', CASE WHEN e.chunked_at > e.begun_at THEN e.chunked_at ELSE t.ended END) ORDER BY e.run DESC), '[]')
            FROM earlier e, LATERAL (SELECT coalesce(e.extracted_at, e.finished_at, e.updated_at) AS ended) t
            WHERE e.replay_stage IS DISTINCT FROM 'memory'));
END
$$;
REVOKE ALL ON FUNCTION public.replay_of(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.replay_of(i public.imports) TO service_role;

CREATE FUNCTION public.replayed_at(b public.imports) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT CASE WHEN b.replay_id IS NULL THEN b.requested_at + interval '1 microsecond' ELSE b.requested_at END
$$;
REVOKE ALL ON FUNCTION public.replayed_at(b public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.replayed_at(b public.imports) TO service_role;

CREATE FUNCTION public.request_time(p_user uuid, claimed timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT CASE WHEN claimed < now() THEN claimed
                ELSE greatest(now(), (SELECT max(o.requested_at) FROM imports o
                                      WHERE o.user_id = p_user AND o.kind <> 'shadow')) END
$$;
REVOKE ALL ON FUNCTION public.request_time(p_user uuid, claimed timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.request_time(p_user uuid, claimed timestamp with time zone) TO service_role;

CREATE FUNCTION public.require_writable(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    IF current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'the database takes no writes' USING ERRCODE = '25006';
    END IF;
    RETURN to_jsonb(true);
END
$$;
REVOKE ALL ON FUNCTION public.require_writable(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.require_writable(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.require_writable(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.resolve_accounts(i public.imports, told jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    most CONSTANT integer := 64;
    kept CONSTANT text[] := ARRAY[
        'vendor', 'conversations', 'messages', 'skipped', 'lost', 'chunks', 'breaks'];
    e record;
    counts CONSTANT boolean := i.kind = 'primary' AND makes_memory(i);
    found text;
    named text[] := '{}';
BEGIN
    FOR e IN
        SELECT n - 1 AS number, x.v ->> 'vendor' AS vendor, x.v ->> 'account' AS account,
               x.v ->> 'history' AS history, coalesce((x.v ->> 'conversations')::bigint, 0) AS conversations
        FROM jsonb_array_elements(told) WITH ORDINALITY AS x(v, n)
        WHERE x.v ->> 'same_as' IS NULL
    LOOP
        found := find_lineage(i, e.number::integer, e.vendor, e.account, e.history, e.conversations);
        INSERT INTO lineages AS l (user_id, lineage, vendor, account)
        SELECT i.user_id, found, e.vendor, e.account WHERE counts
        ON CONFLICT (user_id, lineage) DO UPDATE SET account = excluded.account
            WHERE l.account IS NULL AND excluded.account IS NOT NULL;
        named[e.number] := found;
    END LOOP;
    -- those of which no run was served, as of imports that were cancelled, are read with none
    IF counts AND (SELECT count(*) FROM lineages l WHERE l.user_id = i.user_id
          AND (l.import_id IS NOT NULL OR l.lineage = ANY (named))) > most THEN
        DELETE FROM lineages l
            WHERE l.user_id = i.user_id AND l.import_id IS NULL AND l.lineage = ANY (named);
        RETURN NULL;
    END IF;
    RETURN (
        SELECT jsonb_agg(
            (SELECT jsonb_object_agg(k, x.v -> k) FROM unnest(kept) k) || jsonb_build_object(
                'lineage', named[coalesce((x.v ->> 'same_as')::integer, n::integer - 1)]) ORDER BY n)
        FROM jsonb_array_elements(told) WITH ORDINALITY AS x(v, n));
END
$$;
REVOKE ALL ON FUNCTION public.resolve_accounts(i public.imports, told jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.resolve_accounts(i public.imports, told jsonb) TO service_role;

CREATE FUNCTION public.restore_version(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET statement_timeout TO '450s'
    AS $$
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
REVOKE ALL ON FUNCTION public.restore_version(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.restore_version(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.restore_version(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.route_import(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.route_import(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.route_import(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.route_import(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.routing_bucket(seed text, p_user uuid) RETURNS integer
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT (('x' || left(encode(sha256(convert_to(seed || ':' || p_user, 'UTF8')), 'hex'), 15))::bit(60)::bigint
            % 10000)::integer
$$;
REVOKE ALL ON FUNCTION public.routing_bucket(seed text, p_user uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.routing_bucket(seed text, p_user uuid) TO service_role;

CREATE FUNCTION public.sampled_at(p_import_id uuid) RETURNS double precision
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT (('x' || left(md5(p_import_id::text), 15))::bit(60)::bigint % 1000000) / 10000.0::double precision
$$;
REVOKE ALL ON FUNCTION public.sampled_at(p_import_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.sampled_at(p_import_id uuid) TO service_role;

CREATE FUNCTION public.save_chunks_batch(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    owner uuid := (argument ->> 'user_id')::uuid;
    recent_from timestamptz := coalesce((argument ->> 'now')::timestamptz, now()) - interval '180 days';
    i imports;
    shown text[];
    accounts smallint[];
    newer text[] := '{}';
    written integer;
    deleted integer := 0;
    gone integer;
    finished record;
BEGIN
    IF argument ->> 'import_id' IS NOT NULL THEN
        SELECT * INTO i FROM imports n
            WHERE n.import_id = (argument ->> 'import_id')::uuid AND n.run = (argument ->> 'run')::integer
              AND n.user_id = owner;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'passages of a run that is not of this user' USING ERRCODE = 'SP002';
        ELSIF i.kind = 'shadow' THEN
            RETURN jsonb_build_object('written', 0, 'deleted', 0);
        END IF;
        SELECT array_agg(e.conversation_id), array_agg(e.account) INTO shown, accounts
            FROM (SELECT e.conversation_id, max(e.account) AS account
                  FROM jsonb_to_recordset(argument -> 'passages') AS e(conversation_id text, account smallint)
                  GROUP BY e.conversation_id) e;
        newer := take_conversations(owner, i.requested_at, i.ordinal, coalesce(shown, '{}'), accounts);
    END IF;
    INSERT INTO conversation_chunks AS c (user_id, conversation_id, passage_index, title, content, token_count,
                                          chunk_tier, message_count, created_at, is_recent)
    SELECT owner, p.conversation_id, p.passage_index, p.title, p.content, p.token_count,
           CASE WHEN p.token_count < 500 THEN 'micro' WHEN p.token_count < 1500 THEN 'medium' ELSE 'macro' END,
           p.message_count, coalesce(to_timestamp(p.created_at), 'epoch'),
           coalesce(to_timestamp(p.created_at) >= recent_from, false)
    FROM (
        SELECT DISTINCT ON ((e ->> 'conversation_id') COLLATE "C", (e ->> 'passage_index')::integer)
               e ->> 'conversation_id' AS conversation_id, (e ->> 'passage_index')::integer AS passage_index,
               e ->> 'title' AS title, e ->> 'content' AS content,
               (e ->> 'token_count')::integer AS token_count,
               (e ->> 'message_count')::integer AS message_count,
               (e ->> 'created_at')::double precision AS created_at
        FROM jsonb_array_elements(argument -> 'passages') WITH ORDINALITY AS x(e, n)
        WHERE e ->> 'conversation_id' <> ALL (newer)
        ORDER BY (e ->> 'conversation_id') COLLATE "C", (e ->> 'passage_index')::integer, n DESC
    ) p
    ON CONFLICT (user_id, conversation_id, passage_index) DO UPDATE SET
        title = excluded.title, content = excluded.content, token_count = excluded.token_count,
        chunk_tier = excluded.chunk_tier, message_count = excluded.message_count,
        created_at = excluded.created_at, is_recent = excluded.is_recent, updated_at = now()
    WHERE (c.title, c.token_count, c.message_count, c.created_at, c.is_recent, c.content)
        IS DISTINCT FROM (excluded.title, excluded.token_count, excluded.message_count,
                          excluded.created_at, excluded.is_recent, excluded.content);
    GET DIAGNOSTICS written = ROW_COUNT;
    -- One probe of the key a conversation: joined, the planner may read all passages of the user at every
    -- call, as it does while the table is new and not analysed.
    FOR finished IN
        SELECT DISTINCT ON (e.conversation_id) e.conversation_id, e.passage_index
        FROM ROWS FROM (jsonb_to_recordset(argument -> 'passages')
                        AS (conversation_id text, passage_index integer, last boolean))
             WITH ORDINALITY AS e(conversation_id, passage_index, last, n)
        WHERE e.last AND e.conversation_id <> ALL (newer) ORDER BY e.conversation_id, e.n DESC
    LOOP
        DELETE FROM conversation_chunks c
        WHERE c.user_id = owner AND c.conversation_id COLLATE "C" = finished.conversation_id
          AND c.passage_index > finished.passage_index;
        GET DIAGNOSTICS gone = ROW_COUNT;
        deleted := deleted + gone;
    END LOOP;
    RETURN jsonb_build_object('written', written, 'deleted', deleted);
END
$$;
REVOKE ALL ON FUNCTION public.save_chunks_batch(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.save_chunks_batch(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.save_chunks_batch(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.save_embeddings(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $_$
DECLARE
    a record;
    vector text := (SELECT written FROM embedding_type());
    stored integer := 0;
    newest imports;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        user_id uuid, owner text, model text, embedded jsonb, refused jsonb, calls bigint, tokens bigint,
        cost double precision);
    IF jsonb_array_length(a.embedded) > 0 THEN
        -- Locked in the order of save_chunks_batch, so that neither waits for the other in a circle. The keys stand
        -- as an array, too: joined alone, the planner may read the whole table while it is not analysed.
        EXECUTE format($q$
            WITH held AS MATERIALIZED (
                SELECT c.id, md5(c.content) AS content_hash FROM conversation_chunks c
                WHERE c.id = ANY ($3) AND c.user_id = $2 AND c.embedding IS NULL
                ORDER BY c.conversation_id COLLATE "C", c.passage_index FOR NO KEY UPDATE)
            UPDATE conversation_chunks c SET embedding = g.embedding::%s
            FROM jsonb_to_recordset($1) AS g(id uuid, content_hash text, embedding text)
            JOIN held h ON h.id = g.id AND h.content_hash = g.content_hash
            WHERE c.id = ANY ($3) AND c.id = h.id
            $q$, vector)
            USING a.embedded, a.user_id, ARRAY(SELECT (e ->> 'id')::uuid FROM jsonb_array_elements(a.embedded) e);
        GET DIAGNOSTICS stored = ROW_COUNT;
    END IF;
    DELETE FROM embedding_claims e
        USING jsonb_to_recordset(a.embedded) AS g(id uuid)
        WHERE e.passage_id = g.id AND e.owner = a.owner;
    UPDATE embedding_claims e SET
            owner = NULL, refused = g.reason, refusals = e.refusals + 1, content_hash = g.content_hash,
            model = a.model,
            until = CASE WHEN g.final OR e.refusals >= 2 THEN 'infinity'
                         ELSE clock_timestamp() + interval '1 day' * 2 ^ e.refusals END
        FROM jsonb_to_recordset(a.refused) AS g(id uuid, content_hash text, reason text, final boolean)
        WHERE e.passage_id = g.id AND e.owner = a.owner;
    SELECT * INTO newest FROM imports i
        WHERE i.user_id = a.user_id AND i.kind = 'primary' AND i.state <> 'cancelled'
        ORDER BY i.requested_at DESC, i.ordinal DESC LIMIT 1;
    INSERT INTO embedding_usage AS u (user_id, import_id, run, model, passages, calls, input_tokens, cost)
    VALUES (a.user_id, coalesce(newest.import_id, '00000000-0000-0000-0000-000000000000'),
            coalesce(newest.run, 0), a.model, stored, a.calls, a.tokens, a.cost)
    ON CONFLICT (user_id, import_id, run, model) DO UPDATE SET
        passages = u.passages + excluded.passages, calls = u.calls + excluded.calls,
        input_tokens = least(u.input_tokens + excluded.input_tokens, 9007199254740991),
        cost = u.cost + excluded.cost;
    RETURN to_jsonb(stored);
END
$_$;
REVOKE ALL ON FUNCTION public.save_embeddings(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.save_embeddings(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.save_embeddings(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.schema_version(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_object_agg(version, checksum), '{}') FROM soulprint_migrations
$$;
REVOKE ALL ON FUNCTION public.schema_version(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.schema_version(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.schema_version(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.search_embeddings(argument jsonb) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET statement_timeout TO '450s'
    AS $_$
DECLARE
    kind record;
    answer json;
BEGIN
    SELECT * INTO kind FROM embedding_type();
    IF kind.written IS NULL THEN
        RETURN '[]';
    END IF;
    EXECUTE format($q$
        SELECT json_agg(t) FROM (
            SELECT n.conversation_id, n.passage_index, n.title, nullif(n.created_at, 'epoch') AS created_at,
                   n.chunk_tier, n.is_recent, substr(n.content, 1, 240) AS snippet, false AS has_words,
                   1 - n.distance AS similarity
            FROM (
                SELECT c.*, c.embedding %s $1::%s AS distance FROM conversation_chunks c
                WHERE c.user_id = $2 AND c.embedding IS NOT NULL AND c.passage_index IS NOT NULL
                ORDER BY distance, c.created_at DESC, c.id LIMIT $3) n
            WHERE n.distance <> 'NaN' ORDER BY n.distance, n.created_at DESC, n.id) t
        $q$, kind.distance, kind.written)
        INTO answer USING argument ->> 'embedding', (argument ->> 'user_id')::uuid, (argument ->> 'limit')::integer;
    RETURN coalesce(answer, '[]');
END
$_$;
REVOKE ALL ON FUNCTION public.search_embeddings(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.search_embeddings(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.search_embeddings(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.search_passages(argument jsonb) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET statement_timeout TO '450s'
    AS $$
DECLARE
    p_patterns text[] := search_patterns(coalesce(argument ->> 'search', ''));
    p_first text := lower((regexp_match(argument ->> 'search', '\S+'))[1]);
    answer json;
BEGIN
    IF p_patterns = '{}' THEN
        RETURN '[]';
    END IF;
    SELECT json_agg(t) INTO answer FROM (
        SELECT c.conversation_id, c.passage_index, c.title, nullif(c.created_at, 'epoch') AS created_at,
               c.chunk_tier, c.is_recent,
               substr(c.content, greatest(1, strpos(lower(c.content), p_first) - 80), 240) AS snippet
        FROM (
            SELECT * FROM conversation_chunks m
            WHERE m.user_id = (argument ->> 'user_id')::uuid AND m.passage_index IS NOT NULL
              AND m.title || ' ' || m.content ILIKE ALL (p_patterns)
            ORDER BY m.created_at DESC, m.conversation_id COLLATE "C", m.passage_index
            LIMIT (argument ->> 'limit')::integer
        ) c
        ORDER BY c.created_at DESC, c.conversation_id COLLATE "C", c.passage_index) t;
    RETURN coalesce(answer, '[]');
END
$$;
REVOKE ALL ON FUNCTION public.search_passages(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.search_passages(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.search_passages(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.search_patterns(search text) RETURNS text[]
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(array_agg('%' || regexp_replace(w, '([\\%_])', '\\\1', 'g') || '%'), '{}')
    FROM regexp_split_to_table(search, '\s+') w WHERE w <> ''
$$;
REVOKE ALL ON FUNCTION public.search_patterns(search text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.search_patterns(search text) TO service_role;

CREATE FUNCTION public.seconds_at_pace(p_model text, p_imports integer, to_read integer, p_cached integer) RETURNS double precision
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    WITH late AS MATERIALIZED (
        SELECT n.begun_at, n.extracted_at, n.finished_at, n.chunks_cached,
               n.chunks_ok + n.chunks_dead - n.chunks_cached AS read
        FROM (SELECT * FROM imports o ORDER BY o.ordinal DESC LIMIT 500) n
        WHERE n.kind = 'primary' AND n.state = 'complete' AND n.extracted_at > n.begun_at
          AND n.finished_at >= n.extracted_at AND n.readers @> jsonb_build_array(jsonb_build_object('model', p_model))
    ), busy AS MATERIALIZED (
        -- of many at a time each minute counts once
        SELECT extract(epoch FROM sum(upper(t) - lower(t)))::double precision AS seconds
        FROM (SELECT unnest(range_agg(tstzrange(l.begun_at, l.extracted_at))) AS t FROM late l) u
    )
    SELECT CASE WHEN p_imports = 0 THEN 0 ELSE
        coalesce(to_read * b.seconds / nullif(s.read, 0), to_read * b.seconds / nullif(s.all_chunks, 0), 0)
        + coalesce(p_cached * b.seconds / nullif(s.all_chunks, 0), 0) / CASE WHEN s.read > 0 THEN 10 ELSE 1 END
        + p_imports * s.after / 2 END
    FROM busy b, (
        SELECT sum(l.read) AS read, sum(l.read + l.chunks_cached) AS all_chunks,
               extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (
                   ORDER BY l.finished_at - l.extracted_at))::double precision AS after
        FROM late l) s
    WHERE b.seconds > 0
$$;
REVOKE ALL ON FUNCTION public.seconds_at_pace(p_model text, p_imports integer, to_read integer, p_cached integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.seconds_at_pace(p_model text, p_imports integer, to_read integer, p_cached integer) TO service_role;

CREATE FUNCTION public.serve_kept(v public.profile_versions) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.serve_kept(v public.profile_versions) FROM PUBLIC;
GRANT ALL ON FUNCTION public.serve_kept(v public.profile_versions) TO service_role;

CREATE FUNCTION public.serve_version(n public.user_profiles, s public.served_memories) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.serve_version(n public.user_profiles, s public.served_memories) FROM PUBLIC;
GRANT ALL ON FUNCTION public.serve_version(n public.user_profiles, s public.served_memories) TO service_role;

CREATE FUNCTION public.settle_callback(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    UPDATE callbacks SET
            state = argument ->> 'state', token = NULL, updated_at = now(),
            due_at = now() + make_interval(secs => coalesce((argument ->> 'again_in')::double precision, 0))
        WHERE token = (argument ->> 'token')::uuid AND state = 'marked';
    RETURN to_jsonb(FOUND);
END
$$;
REVOKE ALL ON FUNCTION public.settle_callback(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.settle_callback(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.settle_callback(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.settle_dead_letters(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.settle_dead_letters(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.settle_dead_letters(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.settle_dead_letters(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.settle_facts(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET statement_timeout TO '450s'
    AS $$
DECLARE
    p_import_id uuid := (argument ->> 'import_id')::uuid;
    p_run integer := (argument ->> 'run')::integer;
    u record;
    changed integer := 0;
BEGIN
    -- One probe of the key a fact: joined, all facts of the run are read at every call.
    FOR u IN
        SELECT fact_id, coalesce(status, 'current') AS status, coalesce(support, 1) AS support,
               superseded_by, merged_into
        FROM jsonb_to_recordset(argument -> 'updates') AS x(
            fact_id uuid, status text, support integer, superseded_by uuid, merged_into uuid)
    LOOP
        UPDATE facts f SET
                status = u.status, support = u.support,
                superseded_by = u.superseded_by, merged_into = u.merged_into
            WHERE f.import_id = p_import_id AND f.run = p_run AND f.fact_id = u.fact_id
              AND f.status <> 'hidden'
              AND (f.status, f.support, f.superseded_by, f.merged_into)
                  IS DISTINCT FROM (u.status, u.support, u.superseded_by, u.merged_into);
        IF FOUND THEN
            changed := changed + 1;
        END IF;
    END LOOP;
    RETURN to_jsonb(changed);
END
$$;
REVOKE ALL ON FUNCTION public.settle_facts(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.settle_facts(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.settle_facts(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.settle_replay(p_id uuid) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.settle_replay(p_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.settle_replay(p_id uuid) TO service_role;

CREATE FUNCTION public.settle_v1_call(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.settle_v1_call(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.settle_v1_call(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.settle_v1_call(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.shown_facts(shown public.facts[]) RETURNS json
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    WITH whose AS MATERIALIZED (
        SELECT accounts_of(i) AS by_number,
               (SELECT count(DISTINCT value ->> 'lineage') FROM jsonb_each(accounts_of(i))) > 1 AS several
        FROM imports i WHERE i.import_id = shown[1].import_id AND i.run = shown[1].run
    )
    SELECT json_agg(json_build_object(
        'account', w.by_number -> f.account::text,
        'lineages', CASE WHEN w.several THEN ARRAY(
            SELECT DISTINCT l.lineage COLLATE "C" FROM (
                -- One probe of the key a fact: for several keys at once all facts of the run may be read, for each
                -- that is shown. OFFSET 0 keeps each probe a probe.
                SELECT w.by_number -> m.account::text ->> 'lineage' AS lineage
                FROM (SELECT f.fact_id UNION ALL
                      SELECT d.fact_id FROM facts d
                      WHERE d.import_id = f.import_id AND d.run = f.run AND d.merged_into = f.fact_id) k
                CROSS JOIN LATERAL (
                    SELECT n.account FROM facts n
                    WHERE n.import_id = f.import_id AND n.run = f.run AND n.fact_id = k.fact_id OFFSET 0) m) l
            WHERE l.lineage IS NOT NULL ORDER BY 1)
            ELSE array_remove(ARRAY[w.by_number -> f.account::text ->> 'lineage'], NULL) END,
        'id', f.fact_id, 'category', f.category, 'statement', f.statement, 'quote', f.quote,
        'message_ids', f.message_ids || ARRAY(
            SELECT k FROM facts m, unnest(m.message_ids) k
            WHERE m.import_id = f.import_id AND m.run = f.run AND m.merged_into = f.fact_id
              AND k <> ALL (f.message_ids)
            GROUP BY k ORDER BY min(m.stated_at) NULLS FIRST, k),
        'conversation_id', f.conversation_id, 'stated_at', f.stated_at,
        'valid_from', f.valid_from, 'valid_until', f.valid_until, 'confidence', f.confidence,
        'source_kind', f.source_kind, 'matter', f.matter, 'chunk_index', f.chunk_index, 'status', f.status,
        'support', f.support, 'superseded_by', f.superseded_by, 'merged_into', f.merged_into,
        'merged_ids', ARRAY(
            SELECT m.fact_id FROM facts m
            WHERE m.import_id = f.import_id AND m.run = f.run AND m.merged_into = f.fact_id
            ORDER BY m.fact_id),
        'conversation_title', coalesce((
            SELECT c.title FROM conversation_chunks c
            WHERE c.user_id = f.user_id AND c.conversation_id COLLATE "C" = f.conversation_id
              AND c.passage_index = 0), '')) ORDER BY f.ordinality)
    FROM unnest(shown) WITH ORDINALITY AS f LEFT JOIN whose w ON true
$$;
REVOKE ALL ON FUNCTION public.shown_facts(shown public.facts[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.shown_facts(shown public.facts[]) TO service_role;

CREATE FUNCTION public.start_replay(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET statement_timeout TO '450s'
    AS $$
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
REVOKE ALL ON FUNCTION public.start_replay(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.start_replay(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.start_replay(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.state_now(x public.replay_items) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT CASE WHEN x.state = 'held' AND EXISTS (
        SELECT FROM imports i WHERE i.import_id = x.import_id AND i.run = x.run AND i.unserved IS NULL)
        THEN 'done' ELSE x.state END
$$;
REVOKE ALL ON FUNCTION public.state_now(x public.replay_items) FROM PUBLIC;
GRANT ALL ON FUNCTION public.state_now(x public.replay_items) TO service_role;

CREATE FUNCTION public.stop_replay(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET statement_timeout TO '450s'
    AS $$
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
REVOKE ALL ON FUNCTION public.stop_replay(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.stop_replay(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.stop_replay(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.take_callback(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    c callbacks;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    PERFORM pg_advisory_xact_lock(hashtextextended(argument ->> 'token', 0));
    SELECT * INTO c FROM callbacks o
        WHERE o.token = (argument ->> 'token')::uuid AND o.state = 'marked';
    IF NOT FOUND THEN
        UPDATE callbacks o SET
                state = 'marked', token = (argument ->> 'token')::uuid, attempts = o.attempts + 1,
                updated_at = now()
            WHERE (o.import_id, o.kind) = (
                SELECT d.import_id, d.kind FROM callbacks d
                WHERE d.state = 'due' AND d.due_at <= now()
                  AND (nullif(argument -> 'import_id', 'null') IS NULL
                       OR d.import_id = (argument ->> 'import_id')::uuid)
                ORDER BY d.due_at, d.import_id LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING * INTO c;
    END IF;
    RETURN CASE WHEN c.import_id IS NOT NULL THEN jsonb_build_object(
        'import_id', c.import_id, 'kind', c.kind, 'user_id', c.user_id, 'attempt', c.attempts,
        'seconds', c.seconds) END;
END
$$;
REVOKE ALL ON FUNCTION public.take_callback(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.take_callback(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.take_callback(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.take_conversations(p_user uuid, p_requested_at timestamp with time zone, p_ordinal bigint, ids text[], accounts smallint[]) RETURNS text[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    taken integer;
BEGIN
    -- In one order, so that two runs at once wait for each other and not both.
    INSERT INTO conversation_runs AS r (user_id, conversation_id, requested_at, ordinal, account)
    SELECT p_user, n.id, p_requested_at, p_ordinal, coalesce(n.account, 0)
        FROM unnest(ids, accounts) AS n(id, account) ORDER BY n.id COLLATE "C"
    ON CONFLICT (user_id, conversation_id) DO UPDATE SET
        requested_at = excluded.requested_at, ordinal = excluded.ordinal, account = excluded.account,
        -- what the run before found out by reading its export to the end, else what was known before that
        lineage = coalesce((SELECT i.accounts -> r.account::integer ->> 'lineage' FROM imports i
                            WHERE i.ordinal = r.ordinal), r.lineage)
    WHERE (r.requested_at, r.ordinal) < (excluded.requested_at, excluded.ordinal);
    GET DIAGNOSTICS taken = ROW_COUNT;
    IF taken = cardinality(ids) THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(
        SELECT n.id FROM unnest(ids) AS n(id)
        CROSS JOIN LATERAL (
            SELECT FROM conversation_runs r
            WHERE r.user_id = p_user AND r.conversation_id = n.id COLLATE "C"
              AND (r.requested_at, r.ordinal) > (p_requested_at, p_ordinal) OFFSET 0) newer);
END
$$;
REVOKE ALL ON FUNCTION public.take_conversations(p_user uuid, p_requested_at timestamp with time zone, p_ordinal bigint, ids text[], accounts smallint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.take_conversations(p_user uuid, p_requested_at timestamp with time zone, p_ordinal bigint, ids text[], accounts smallint[]) TO service_role;

CREATE FUNCTION public.take_dead_letters(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET statement_timeout TO '450s'
    AS $$
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
REVOKE ALL ON FUNCTION public.take_dead_letters(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.take_dead_letters(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.take_dead_letters(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.take_lease(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO leases AS l (name, owner, until)
    VALUES (argument ->> 'name', argument ->> 'owner',
            clock_timestamp() + make_interval(secs => (argument ->> 'seconds')::double precision))
    ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
        WHERE l.owner = excluded.owner OR l.until < clock_timestamp();
    RETURN to_jsonb(FOUND);
END
$$;
REVOKE ALL ON FUNCTION public.take_lease(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.take_lease(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.take_lease(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.take_run(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    a record;
    newest imports;
    i imports;
    refusal text;
BEGIN
    SELECT * INTO a FROM jsonb_to_record(argument) AS x(
        import_id uuid, user_id uuid, run integer, source text, pipeline text, variant text, on_log boolean,
        requested_at timestamptz, profile_format text, lineage text, kind text, parent_id uuid, taker text);
    a.taker := coalesce(a.taker, gen_random_uuid()::text);
    a.profile_format := coalesce(a.profile_format, 'markdown');
    a.kind := coalesce(a.kind, 'primary');
    PERFORM pg_advisory_xact_lock(hashtextextended(a.import_id::text, 1));
    PERFORM FROM imports n WHERE n.import_id = a.import_id ORDER BY n.run FOR UPDATE;  -- in the order of record_chunks
    SELECT * INTO newest FROM imports n WHERE n.import_id = a.import_id ORDER BY n.run DESC LIMIT 1;
    SELECT * INTO i FROM imports n WHERE n.import_id = a.import_id AND n.run = a.run;
    a.kind := coalesce(i.kind, a.kind);
    refusal := CASE
        WHEN newest.user_id <> a.user_id THEN 'foreign'
        WHEN EXISTS (SELECT FROM imports n
                     WHERE n.import_id = a.import_id AND n.run > a.run AND n.kind = a.kind) THEN 'older'
        WHEN i.state IN ('complete', 'failed', 'cancelled') THEN i.state
        WHEN i.on_log <> a.on_log OR i.pipeline <> a.pipeline THEN 'elsewhere'
        WHEN i.state = 'consolidating' OR is_complete_run(i) THEN 'extracted'
    END;
    IF refusal IS NULL AND i.kind = 'quick' AND i.state = 'received' AND is_served(a.user_id) THEN
        UPDATE imports n SET state = 'cancelled', finished_at = now(), updated_at = now(),
                error = jsonb_build_object('step', 'take_run', 'message', 'sections are served already')
            WHERE n.import_id = a.import_id AND n.run = a.run;
        refusal := 'cancelled';  -- it would be paid for, and come to nothing
    END IF;
    IF refusal IS NOT NULL THEN
        RETURN jsonb_build_object('refusal', refusal);
    END IF;
    IF i.import_id IS NULL OR i.state = 'received' THEN
        PERFORM close_reopened(n, 'a newer run was begun') FROM imports n
            WHERE n.import_id = a.import_id AND n.run < a.run AND n.kind = a.kind AND is_opened_again(n);
        UPDATE imports n SET state = 'cancelled', finished_at = now(), updated_at = now(),
                lease_owner = NULL, lease_until = NULL,
                error = jsonb_build_object('step', 'take_run', 'message', 'a newer run was begun')
            WHERE n.import_id = a.import_id AND n.run < a.run AND n.kind = a.kind
              AND n.state NOT IN ('complete', 'failed', 'cancelled');
    END IF;
    IF i.import_id IS NOT NULL THEN
        UPDATE imports n SET source = a.source, updated_at = now(),
                variant = coalesce(nullif(n.variant, ''), a.variant), profile_format = a.profile_format,
                lineage = coalesce(n.lineage, a.lineage),
                begun_by = a.taker || CASE WHEN n.furthest + n.chunks_ok + n.chunks_dead > n.begun_far THEN '{}'
                                        ELSE (array_remove(n.begun_by, a.taker))[1:31] END,
                begun_far = n.furthest + n.chunks_ok + n.chunks_dead,
                begun_at = CASE WHEN n.state = 'received' THEN now() ELSE n.begun_at END,
                state = CASE WHEN n.state <> 'received' THEN n.state
                             WHEN n.chunked_at IS NOT NULL THEN 'extracting'  -- a replay took the reading over
                             ELSE 'chunking' END
            WHERE n.import_id = a.import_id AND n.run = a.run RETURNING n.* INTO i;
    ELSE
        INSERT INTO imports (import_id, run, user_id, pipeline, kind, parent_id, source, variant, state,
                             requested_at, on_log, profile_format, lineage, begun_by)
        VALUES (a.import_id, a.run, a.user_id, a.pipeline, a.kind, a.parent_id, a.source,
                coalesce(a.variant, ''), 'chunking',
                greatest(request_time(a.user_id, a.requested_at), newest.requested_at), a.on_log,
                a.profile_format, a.lineage, ARRAY[a.taker])
        RETURNING * INTO i;
    END IF;
    IF i.kind <> 'shadow' THEN
        INSERT INTO user_profiles (user_id) VALUES (a.user_id) ON CONFLICT (user_id) DO NOTHING;
        PERFORM tell_profile(i);
    END IF;
    RETURN jsonb_build_object('refusal', NULL, 'variant', i.variant, 'kind', i.kind, 'begins', cardinality(i.begun_by),
                              'replay', CASE WHEN i.replay_id IS NOT NULL THEN replay_of(i) END);
END
$$;
REVOKE ALL ON FUNCTION public.take_run(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.take_run(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.take_run(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.take_unoffered(argument jsonb) RETURNS json
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.take_unoffered(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.take_unoffered(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.take_unoffered(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.take_v1_call(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.take_v1_call(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.take_v1_call(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.take_v1_call(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.tell_embedding_cost(i public.imports) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    spent record;
    shown jsonb;
BEGIN
    SELECT sum(u.calls) AS calls, sum(u.input_tokens) AS tokens, coalesce(sum(u.cost), 0) AS cost INTO spent
        FROM embedding_usage u WHERE u.user_id = i.user_id AND u.import_id = i.import_id AND u.run = i.run;
    IF spent.calls IS NULL OR i.state <> 'complete' THEN
        RETURN;
    END IF;
    SELECT p.import_cost_json INTO shown FROM user_profiles p WHERE p.user_id = i.user_id FOR UPDATE;
    IF jsonb_typeof(shown) = 'object' AND jsonb_typeof(shown -> 'llm_cost_usd') = 'number' THEN
        UPDATE user_profiles p SET import_cost_json = (shown || jsonb_build_object(
                'embedding_cost_usd', spent.cost, 'embedding_call_count', spent.calls,
                'embedding_input_tokens', spent.tokens,
                'total_cost_usd', (shown ->> 'llm_cost_usd')::numeric + spent.cost::numeric))::text
            WHERE p.user_id = i.user_id;
    END IF;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    NULL;  -- persons may write to their profile: what is no JSON, or none that jsonb takes, is theirs
END
$$;
REVOKE ALL ON FUNCTION public.tell_embedding_cost(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.tell_embedding_cost(i public.imports) TO service_role;

CREATE FUNCTION public.tell_embeddings(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET statement_timeout TO '450s'
    AS $$
DECLARE
    whose uuid := (argument ->> 'user_id')::uuid;
    counts record;
    newest imports;
    done boolean;
    says text;
    percent integer;
BEGIN
    SELECT * INTO counts FROM embedding_counts(whose);
    SELECT * INTO newest FROM imports i
        WHERE i.user_id = whose AND i.kind = 'primary' AND i.state <> 'cancelled' AND NOT is_silent(i)
        ORDER BY i.requested_at DESC, i.ordinal DESC LIMIT 1;
    IF newest.profile_format = 'app' THEN
        -- Passages come in while the export is read: what is embedded then is not all.
        done := counts.lacking = counts.refused AND newest.state NOT IN ('received', 'chunking');
        says := CASE WHEN done THEN 'complete' ELSE 'processing' END;
        percent := CASE WHEN done THEN 100 ELSE least(99,
            100 * (counts.passages - counts.lacking + counts.refused) / greatest(1, counts.passages)) END;
        UPDATE user_profiles p SET embedding_status = says, embedding_progress = percent
            WHERE p.user_id = whose
              AND (p.embedding_status, p.embedding_progress) IS DISTINCT FROM (says, percent);
        INSERT INTO embedding_turns AS t (user_id, told) VALUES (whose, NOT done)
            ON CONFLICT (user_id) DO UPDATE SET told = excluded.told WHERE t.told <> excluded.told;
        PERFORM tell_embedding_cost(newest);
    END IF;
    RETURN to_jsonb(counts);
END
$$;
REVOKE ALL ON FUNCTION public.tell_embeddings(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.tell_embeddings(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.tell_embeddings(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.tell_profile(i public.imports) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.tell_profile(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.tell_profile(i public.imports) TO service_role;

CREATE FUNCTION public.tell_replay(p_id uuid) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT to_jsonb(r) - 'ordinal' || jsonb_build_object('items', (
        SELECT coalesce(jsonb_object_agg(s.state, s.imports), '{}') FROM (
            SELECT i.state, count(*) AS imports FROM replay_items i WHERE i.replay_id = r.id GROUP BY i.state) s))
    FROM replays r WHERE r.id = p_id
$$;
REVOKE ALL ON FUNCTION public.tell_replay(p_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.tell_replay(p_id uuid) TO service_role;

CREATE FUNCTION public.told_percent(i public.imports) RETURNS numeric
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT round((CASE WHEN i.state IN ('extracting', 'consolidating')
        THEN greatest(i.progress_percent,
                      least(90, 90.0 * (i.chunks_ok + i.chunks_dead) / greatest(i.chunks_total, 1)))
        ELSE i.progress_percent END)::numeric, 1)
$$;
REVOKE ALL ON FUNCTION public.told_percent(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.told_percent(i public.imports) TO service_role;

CREATE FUNCTION public.told_run(i public.imports) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $_$
    SELECT jsonb_build_object(
        'import_id', i.import_id, 'run', i.run, 'user_id', i.user_id, 'pipeline', i.pipeline,
        'kind', i.kind, 'parent_id', i.parent_id,
        'name', regexp_replace(i.source, '^.*/', ''), 'state', told_state(i), 'unserved', i.unserved, 'stage', told_stage(i), 'percent', told_percent(i),
        'chunks', jsonb_build_object('ok', i.chunks_ok, 'dead', i.chunks_dead, 'total', i.chunks_total),
        'coverage', i.coverage, 'breaks', jsonb_array_length(i.breaks), 'usage', nullif(i.usage, '{}'),
        'error', CASE WHEN i.source LIKE '/%' AND i.error ? 'message' THEN jsonb_set(i.error, '{message}', to_jsonb(
            replace(i.error ->> 'message', regexp_replace(i.source, '[^/]*$', ''), ''))) ELSE i.error END,
        'requested_at', i.requested_at,
        'begun_at', CASE WHEN i.state <> 'received' THEN i.begun_at END,
        'finished_at', i.finished_at, 'updated_at', i.updated_at)
$_$;
REVOKE ALL ON FUNCTION public.told_run(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.told_run(i public.imports) TO service_role;

CREATE FUNCTION public.told_stage(i public.imports) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT CASE WHEN i.state IN ('received', 'extracting', 'consolidating', 'failed', 'cancelled') THEN i.state
                ELSE coalesce(i.stage, i.state) END
$$;
REVOKE ALL ON FUNCTION public.told_stage(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.told_stage(i public.imports) TO service_role;

CREATE FUNCTION public.told_state(i public.imports) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT CASE WHEN i.unserved IS NULL THEN i.state ELSE 'unserved' END
$$;
REVOKE ALL ON FUNCTION public.told_state(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.told_state(i public.imports) TO service_role;

CREATE FUNCTION public.turn_replay(p_id uuid, p_state text, p_by text, p_did text, p_reason text, p_paused_why text DEFAULT NULL::text) RETURNS public.replays
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    UPDATE replays o SET
            state = p_state, paused_why = p_paused_why,
            resumed_at = CASE WHEN p_state <> 'running' THEN NULL ELSE coalesce(o.resumed_at, now()) END,
            ended_at = CASE WHEN p_state IN ('stopped', 'done') THEN coalesce(o.ended_at, now()) END,
            changes = o.changes || jsonb_build_object('at', now(), 'by', p_by, 'did', p_did, 'reason', p_reason)
        WHERE o.id = p_id RETURNING *
$$;
REVOKE ALL ON FUNCTION public.turn_replay(p_id uuid, p_state text, p_by text, p_did text, p_reason text, p_paused_why text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.turn_replay(p_id uuid, p_state text, p_by text, p_did text, p_reason text, p_paused_why text) TO service_role;

CREATE FUNCTION public.update_progress(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    i imports;
BEGIN
    UPDATE imports SET
            progress_percent = (argument ->> 'percent')::real, stage = argument ->> 'stage',
            reading = argument -> 'reading', updated_at = now(),
            furthest = greatest(furthest, coalesce((argument -> 'reading' ->> 'bytes_read')::bigint, 0))
        WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
          AND state NOT IN ('complete', 'failed', 'cancelled')
        RETURNING * INTO i;
    IF NOT FOUND THEN
        RETURN to_jsonb(false);
    END IF;
    PERFORM tell_profile(i);
    RETURN to_jsonb(true);
END
$$;
REVOKE ALL ON FUNCTION public.update_progress(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.update_progress(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.update_progress(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.update_user_profile(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $_$
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
$_$;
REVOKE ALL ON FUNCTION public.update_user_profile(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.update_user_profile(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.update_user_profile(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.watch_embeddings() RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'public.conversation_chunks'::regclass
               AND tgname = 'soulprint_stale_embedding') THEN
        RETURN false;
    END IF;
    CREATE TRIGGER soulprint_stale_embedding BEFORE UPDATE ON conversation_chunks
        FOR EACH ROW EXECUTE FUNCTION drop_stale_embedding();
    -- For the plan of a migration, which cannot see into this.
    RAISE NOTICE 'CREATE TRIGGER soulprint_stale_embedding BEFORE UPDATE ON public.conversation_chunks '
        'FOR EACH ROW EXECUTE FUNCTION public.drop_stale_embedding()' USING ERRCODE = 'SP010';
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION public.watch_embeddings() FROM PUBLIC;

CREATE FUNCTION public.watch_run(argument jsonb) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT jsonb_build_object('state', state, 'done', chunks_ok + chunks_dead) FROM imports
    WHERE import_id = (argument ->> 'import_id')::uuid AND run = (argument ->> 'run')::integer
$$;
REVOKE ALL ON FUNCTION public.watch_run(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.watch_run(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.watch_run(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.watch_runs(argument jsonb) RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
    SELECT coalesce(json_agg(json_build_object(
        'import_id', i.import_id, 'run', i.run, 'user_id', i.user_id, 'kind', i.kind, 'state', told_state(i),
        'stage', told_stage(i), 'percent', told_percent(i), 'ok', i.chunks_ok, 'dead', i.chunks_dead,
        'total', i.chunks_total, 'coverage', i.coverage,
        'version', (extract(epoch FROM i.updated_at) * 1000000)::bigint)), '[]')
    FROM jsonb_array_elements_text(argument -> 'import_ids') a(id)
    CROSS JOIN LATERAL (
        SELECT * FROM imports n WHERE n.import_id = a.id::uuid AND NOT is_silent(n) ORDER BY n.run DESC LIMIT 1) i
$$;
REVOKE ALL ON FUNCTION public.watch_runs(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.watch_runs(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.watch_runs(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.watch_v1_calls(argument jsonb) RETURNS json
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.watch_v1_calls(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.watch_v1_calls(argument jsonb) TO service_role;
GRANT ALL ON FUNCTION public.watch_v1_calls(argument jsonb) TO soulprint_service;

CREATE FUNCTION public.weigh_imports(r public.replays, OUT import_id uuid, OUT user_id uuid, OUT run integer, OUT why text) RETURNS SETOF record
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    partly CONSTANT boolean := r.which <@ ARRAY['missing', 'dead'];
    users CONSTANT uuid[] := ARRAY(SELECT value::uuid FROM jsonb_array_elements_text(
        coalesce(nullif(r.selection -> 'users', 'null'), '[]')));
    named CONSTANT uuid[] := ARRAY(SELECT DISTINCT value::uuid FROM jsonb_array_elements_text(
        coalesce(nullif(r.selection -> 'imports', 'null'), '[]')));
    since CONSTANT timestamptz := (r.selection ->> 'since')::timestamptz;
    until CONSTANT timestamptz := (r.selection ->> 'until')::timestamptz;
    version CONSTANT text := r.selection ->> 'model_version';
    share CONSTANT double precision := CASE WHEN r.selection ->> 'sample' LIKE '%\%'
                                            THEN rtrim(r.selection ->> 'sample', '%')::double precision END;
    now_reads CONSTANT jsonb := jsonb_build_array(jsonb_build_object(
        'model', r.model, 'prompt_version', r.prompt_version));
    newest imports;
    b imports;
BEGIN
    -- One probe of each key an import: joined, the planner may read all there is again for each of them, as it does
    -- while the tables are new and not analysed.
    FOR import_id IN
        SELECT unnest(named) WHERE named <> '{}'
        UNION ALL
        SELECT DISTINCT n.import_id FROM imports n
        WHERE named = '{}' AND users <> '{}' AND n.user_id = ANY (users) AND n.kind = 'primary'
        UNION ALL
        SELECT DISTINCT n.import_id FROM imports n
        WHERE named = '{}' AND users = '{}' AND n.kind = 'primary' AND n.pipeline <> 'v1'
    LOOP
        CONTINUE WHEN sampled_at(import_id) >= share;
        SELECT * INTO newest FROM imports n
            WHERE n.import_id = weigh_imports.import_id AND n.kind = 'primary' AND n.pipeline <> 'v1'
              AND n.state <> 'cancelled'
            ORDER BY n.run DESC LIMIT 1;
        IF newest.import_id IS NULL THEN
            SELECT * INTO newest FROM imports n
                WHERE n.import_id = weigh_imports.import_id AND n.kind = 'primary' ORDER BY n.run DESC LIMIT 1;
            user_id := newest.user_id; run := newest.run;
            why := CASE WHEN newest.import_id IS NULL THEN 'unknown'
                        WHEN newest.pipeline = 'v1' THEN 'v1' ELSE 'cancelled' END;
            CONTINUE WHEN users <> '{}' AND user_id <> ALL (users);
            CONTINUE WHEN newest.import_id IS NOT NULL
                AND (newest.requested_at < since OR newest.requested_at >= until OR version IS NOT NULL);
            RETURN NEXT;
            CONTINUE;
        END IF;
        -- the newest that ended, and is no replay that came to nothing: what begin_replay_run takes
        SELECT * INTO b FROM imports n
            WHERE n.import_id = newest.import_id AND n.kind = 'primary' AND n.pipeline <> 'v1'
              AND (n.state = 'complete' OR n.state = 'failed' AND partly) AND (NOT is_silent(n) OR mended_partly(n))
              AND (partly OR n.unserved IS NULL)
            ORDER BY n.run DESC LIMIT 1;
        user_id := newest.user_id; run := coalesce(b.run, newest.run);
        CONTINUE WHEN users <> '{}' AND user_id <> ALL (users);
        CONTINUE WHEN coalesce(b.requested_at, newest.requested_at) < since
            OR coalesce(b.requested_at, newest.requested_at) >= until;
        CONTINUE WHEN version IS NOT NULL AND NOT EXISTS (
            SELECT FROM jsonb_array_elements(coalesce(b.readers, newest.readers)) e
            WHERE version IN (e ->> 'model', e ->> 'prompt_version'));
        CONTINUE WHEN b.import_id IS NOT NULL AND newest.state IN ('complete', 'failed') AND CASE
            WHEN partly THEN NOT lacks_chunks(b, r.which)
            WHEN r.which = '{stale}' THEN b.readers = now_reads OR b.chunks_total = 0
            ELSE false END;
        why := CASE
            WHEN EXISTS (SELECT FROM imports n WHERE n.import_id = newest.import_id AND n.kind = 'primary'
                         AND n.state NOT IN ('complete', 'failed', 'cancelled')) THEN 'running'
            WHEN b.import_id IS NULL AND newest.unserved = 'older' THEN 'outdone'
            WHEN b.import_id IS NULL AND newest.state = 'complete' THEN 'unserved'
            -- a replay may have failed since its source was away, which is no end
            WHEN (CASE WHEN b.import_id IS NULL THEN newest.error
                       WHEN b.replay_id IS NULL THEN b.error END ->> 'at_fault')::boolean THEN 'at fault'
            WHEN b.import_id IS NULL THEN 'failed'
            WHEN b.state = 'complete' AND b.unserved IS DISTINCT FROM 'smaller' AND NOT EXISTS (
                SELECT FROM lineages l WHERE l.user_id = b.user_id AND l.import_id = b.import_id) THEN 'outdone'
            WHEN b.chunked_at IS NULL AND r.stage <> 'chunks' AND 'missing' <> ALL (r.which) THEN 'unread'
            WHEN r.stage = 'memory' AND b.chunks_ok + b.chunks_dead < b.chunks_total THEN 'unread'
        END;
        RETURN NEXT;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION public.weigh_imports(r public.replays, OUT import_id uuid, OUT user_id uuid, OUT run integer, OUT why text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.weigh_imports(r public.replays, OUT import_id uuid, OUT user_id uuid, OUT run integer, OUT why text) TO service_role;

CREATE FUNCTION public.why_not_replayed(r public.replays, x public.replay_items) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
REVOKE ALL ON FUNCTION public.why_not_replayed(r public.replays, x public.replay_items) FROM PUBLIC;
GRANT ALL ON FUNCTION public.why_not_replayed(r public.replays, x public.replay_items) TO service_role;

CREATE FUNCTION public.writing_is_kept(b public.imports, p_model text, p_version text) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    parts CONSTANT text[] := ARRAY(
        SELECT DISTINCT w.part FROM writing_cache w
        WHERE w.user_id = b.user_id AND w.model = p_model AND w.version = p_version
          AND w.import_id = b.import_id AND w.run = b.run);
BEGIN
    RETURN 'sections' = ANY (parts)
        AND ('memory' = ANY (parts) OR coalesce((b.fact_counts ->> 'kept')::integer, 0) = 0)
        AND ARRAY(SELECT e - 'run' FROM jsonb_array_elements(b.joined) WITH ORDINALITY AS x(e, n) ORDER BY n)
            = ARRAY(SELECT e - 'run' FROM jsonb_array_elements(join_for(b)) WITH ORDINALITY AS x(e, n) ORDER BY n);
END
$$;
REVOKE ALL ON FUNCTION public.writing_is_kept(b public.imports, p_model text, p_version text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.writing_is_kept(b public.imports, p_model text, p_version text) TO service_role;
