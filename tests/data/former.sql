-- A database as the files of before the squash made it, by pg_dump; bodies of functions are left out.
CREATE SCHEMA auth;
CREATE FUNCTION auth.uid() RETURNS uuid
    LANGUAGE sql STABLE
    AS $$
            SELECT nullif(coalesce(
                nullif(current_setting('request.jwt.claim.sub', true), ''),
                nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
            ), '')::uuid
        $$;
CREATE FUNCTION public.accept_memory(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.bound_request_time() RETURNS trigger
    LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
CREATE FUNCTION public.cached_hashes(argument jsonb) RETURNS json
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.cancel_run(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.claim_run(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.close_batch_chunks(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.close_extraction(p_import_id uuid, p_run integer) RETURNS void
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.commit_memory(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.fail_run(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.find_fact(argument jsonb) RETURNS json
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.find_stalled(argument jsonb) RETURNS json
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.finish_chunking(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE TABLE public.imports (
    import_id uuid NOT NULL,
    run integer NOT NULL,
    ordinal bigint NOT NULL,
    user_id uuid NOT NULL,
    pipeline text NOT NULL,
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
    replaces boolean DEFAULT false NOT NULL,
    unserved text,
    CONSTRAINT imports_chunks_total_check CHECK ((chunks_total >= 0)),
    CONSTRAINT imports_coverage_check CHECK (((coverage >= (0)::double precision) AND (coverage <= (1)::double precision))),
    CONSTRAINT imports_progress_percent_check CHECK (((progress_percent >= (0)::double precision) AND (progress_percent <= (100)::double precision))),
    CONSTRAINT imports_run_check CHECK ((run >= 1)),
    CONSTRAINT imports_state_check CHECK ((state = ANY (ARRAY['received'::text, 'chunking'::text, 'extracting'::text, 'consolidating'::text, 'complete'::text, 'failed'::text, 'cancelled'::text]))),
    CONSTRAINT imports_unserved_check CHECK ((unserved = ANY (ARRAY['older'::text, 'smaller'::text])))
);
CREATE FUNCTION public.is_complete_run(i public.imports) RETURNS boolean
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.is_newest_run(i public.imports) RETURNS boolean
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.keep_memory(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE TABLE public.user_profiles (
    user_id uuid NOT NULL,
    soul_md text,
    identity_md text,
    user_md text,
    agents_md text,
    tools_md text,
    memory_md text,
    soulprint_text text,
    full_pass_status text DEFAULT 'pending'::text NOT NULL,
    full_pass_started_at timestamp with time zone,
    full_pass_completed_at timestamp with time zone,
    full_pass_error text,
    progress_percent real DEFAULT 0 NOT NULL,
    import_stage text,
    import_id uuid,
    run integer,
    pipeline text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    memory_import_id uuid,
    memory_run integer,
    CONSTRAINT user_profiles_full_pass_status_check CHECK ((full_pass_status = ANY (ARRAY['pending'::text, 'processing'::text, 'complete'::text, 'failed'::text]))),
    CONSTRAINT user_profiles_progress_percent_check CHECK (((progress_percent >= (0)::double precision) AND (progress_percent <= (100)::double precision)))
);
CREATE FUNCTION public.keep_version(p public.user_profiles, replaced timestamp with time zone) RETURNS void
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.list_facts(argument jsonb) RETURNS json
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.list_runs(argument jsonb) RETURNS json
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.list_users(argument jsonb) RETURNS json
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.look_up_chunks(argument jsonb) RETURNS json
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.loses_much(i public.imports, p public.user_profiles) RETURNS boolean
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.mark_published(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.name_user(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.note_holds(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.note_progress(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.open_batch(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.read_batches(argument jsonb) RETURNS json
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.read_dead_chunks(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.read_documents(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.read_facts(argument jsonb) RETURNS json
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.read_holds(argument jsonb) RETURNS json
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.read_kept_memory(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.read_passages(argument jsonb) RETURNS json
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.read_profile(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.read_run(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.read_sample(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.read_usage(argument jsonb) RETURNS json
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.read_user_names(argument jsonb) RETURNS json
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.record_chunks(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.recorded_chunks(argument jsonb) RETURNS json
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.release_lease(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.release_run(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.renew_run(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.request_run(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.request_time(p_user uuid, claimed timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.require_writable(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.save_chunks_batch(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.search_passages(argument jsonb) RETURNS json
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.search_patterns(search text) RETURNS text[]
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.serve_version(n public.user_profiles) RETURNS void
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.settle_facts(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE TABLE public.facts (
    import_id uuid NOT NULL,
    run integer NOT NULL,
    fact_id uuid NOT NULL,
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
    CONSTRAINT facts_status_check CHECK ((status = ANY (ARRAY['current'::text, 'superseded'::text, 'merged'::text]))),
    CONSTRAINT facts_support_check CHECK ((support >= 1))
)
WITH (fillfactor='85');
CREATE FUNCTION public.shown_facts(shown public.facts[]) RETURNS json
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.take_conversations(p_user uuid, p_requested_at timestamp with time zone, p_ordinal bigint, ids text[]) RETURNS text[]
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.take_lease(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.take_run(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.told_state(i public.imports) RETURNS text
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.update_progress(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.update_user_profile(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE FUNCTION public.watch_run(argument jsonb) RETURNS jsonb
    LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'left out'; END $$;
CREATE TABLE public.batch_chunks (
    provider text NOT NULL,
    batch_id text NOT NULL,
    content_hash text NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL,
    prompt_version text NOT NULL,
    size integer NOT NULL,
    begun_at timestamp with time zone NOT NULL
);
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
    CONSTRAINT chunk_results_chunk_index_check CHECK ((chunk_index >= 0)),
    CONSTRAINT chunk_results_status_check CHECK ((status = ANY (ARRAY['ok'::text, 'dead'::text])))
);
CREATE TABLE public.conversation_chunks (
    user_id uuid NOT NULL,
    conversation_id text NOT NULL COLLATE pg_catalog."C",
    passage_index integer NOT NULL,
    title text DEFAULT ''::text NOT NULL,
    content text NOT NULL,
    token_count integer NOT NULL,
    chunk_tier text GENERATED ALWAYS AS (
CASE
    WHEN (token_count < 500) THEN 'micro'::text
    WHEN (token_count < 1500) THEN 'medium'::text
    ELSE 'macro'::text
END) STORED NOT NULL,
    is_recent boolean DEFAULT false NOT NULL,
    message_count integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone,
    CONSTRAINT conversation_chunks_message_count_check CHECK ((message_count >= 0)),
    CONSTRAINT conversation_chunks_passage_index_check CHECK ((passage_index >= 0)),
    CONSTRAINT conversation_chunks_token_count_check CHECK ((token_count >= 0))
);
ALTER TABLE ONLY public.conversation_chunks ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE TABLE public.conversation_runs (
    user_id uuid NOT NULL,
    conversation_id text NOT NULL COLLATE pg_catalog."C",
    requested_at timestamp with time zone NOT NULL,
    ordinal bigint NOT NULL
);
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
ALTER TABLE public.imports ALTER COLUMN ordinal ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.imports_ordinal_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.leases (
    name text NOT NULL,
    owner text NOT NULL,
    until timestamp with time zone NOT NULL
);
CREATE TABLE public.memory_outbox (
    import_id uuid NOT NULL,
    run integer NOT NULL,
    memory jsonb NOT NULL
);
CREATE TABLE public.profile_versions (
    user_id uuid NOT NULL,
    version bigint NOT NULL,
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
    written_at timestamp with time zone,
    replaced_at timestamp with time zone DEFAULT now(),
    memory_import_id uuid,
    memory_run integer
);
ALTER TABLE public.profile_versions ALTER COLUMN version ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.profile_versions_version_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
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
                  WHERE ((i.usage = '{}'::jsonb) AND (r.import_id = i.import_id) AND (r.run = i.run) AND (r.usage IS NOT NULL))) p) u);
CREATE TABLE public.service_holds (
    owner text NOT NULL,
    service text NOT NULL,
    hold text NOT NULL,
    reason text NOT NULL,
    since timestamp with time zone NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.soulprint_migrations (
    version text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.user_names (
    user_id uuid NOT NULL,
    name text NOT NULL,
    named_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT user_names_name_check CHECK ((name <> ''::text))
);
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
ALTER TABLE ONLY public.batch_chunks
    ADD CONSTRAINT batch_chunks_pkey PRIMARY KEY (provider, content_hash, batch_id);
ALTER TABLE ONLY public.chunk_results
    ADD CONSTRAINT chunk_results_pkey PRIMARY KEY (import_id, run, chunk_index);
ALTER TABLE ONLY public.conversation_chunks
    ADD CONSTRAINT conversation_chunks_pkey PRIMARY KEY (user_id, conversation_id, passage_index);
ALTER TABLE ONLY public.conversation_runs
    ADD CONSTRAINT conversation_runs_pkey PRIMARY KEY (user_id, conversation_id);
ALTER TABLE ONLY public.extraction_cache
    ADD CONSTRAINT extraction_cache_pkey PRIMARY KEY (user_id, model, prompt_version, content_hash);
ALTER TABLE ONLY public.facts
    ADD CONSTRAINT facts_pkey PRIMARY KEY (import_id, run, fact_id);
ALTER TABLE ONLY public.imports
    ADD CONSTRAINT imports_pkey PRIMARY KEY (import_id, run);
ALTER TABLE ONLY public.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.memory_outbox
    ADD CONSTRAINT memory_outbox_pkey PRIMARY KEY (import_id, run);
ALTER TABLE ONLY public.profile_versions
    ADD CONSTRAINT profile_versions_pkey PRIMARY KEY (user_id, version);
ALTER TABLE ONLY public.service_holds
    ADD CONSTRAINT service_holds_pkey PRIMARY KEY (owner, service, hold);
ALTER TABLE ONLY public.soulprint_migrations
    ADD CONSTRAINT soulprint_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.user_names
    ADD CONSTRAINT user_names_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY public.user_profiles
    ADD CONSTRAINT user_profiles_pkey PRIMARY KEY (user_id);
CREATE INDEX batch_chunks_of ON public.batch_chunks USING btree (provider, batch_id);
CREATE INDEX facts_in_order ON public.facts USING btree (import_id, run, matter, COALESCE(stated_at, '-infinity'::timestamp with time zone), fact_id);
CREATE INDEX facts_merged ON public.facts USING btree (import_id, run, merged_into) WHERE (merged_into IS NOT NULL);
CREATE INDEX imports_in_order ON public.imports USING btree (ordinal);
CREATE INDEX imports_of_user ON public.imports USING btree (user_id, requested_at, ordinal);
CREATE INDEX imports_unfinished ON public.imports USING btree (pipeline) WHERE (state <> ALL (ARRAY['complete'::text, 'failed'::text, 'cancelled'::text]));
CREATE TRIGGER bound_request_time BEFORE INSERT OR UPDATE OF requested_at ON public.imports FOR EACH ROW EXECUTE FUNCTION public.bound_request_time();
ALTER TABLE public.batch_chunks ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.chunk_results ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.conversation_chunks ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.conversation_runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.extraction_cache ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.facts ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.imports ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.leases ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.memory_outbox ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON public.chunk_results FOR SELECT TO authenticated USING ((user_id = ( SELECT auth.uid() AS uid)));
CREATE POLICY own_rows ON public.conversation_chunks FOR SELECT TO authenticated USING ((user_id = ( SELECT auth.uid() AS uid)));
CREATE POLICY own_rows ON public.extraction_cache FOR SELECT TO authenticated USING ((user_id = ( SELECT auth.uid() AS uid)));
CREATE POLICY own_rows ON public.facts FOR SELECT TO authenticated USING ((user_id = ( SELECT auth.uid() AS uid)));
CREATE POLICY own_rows ON public.imports FOR SELECT TO authenticated USING ((user_id = ( SELECT auth.uid() AS uid)));
CREATE POLICY own_rows ON public.profile_versions FOR SELECT TO authenticated USING ((user_id = ( SELECT auth.uid() AS uid)));
CREATE POLICY own_rows ON public.user_profiles FOR SELECT TO authenticated USING ((user_id = ( SELECT auth.uid() AS uid)));
ALTER TABLE public.profile_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.service_holds ENABLE ROW LEVEL SECURITY;
CREATE POLICY services ON public.batch_chunks TO service_role USING (true) WITH CHECK (true);
CREATE POLICY services ON public.chunk_results TO service_role USING (true) WITH CHECK (true);
CREATE POLICY services ON public.conversation_chunks TO service_role USING (true) WITH CHECK (true);
CREATE POLICY services ON public.conversation_runs TO service_role USING (true) WITH CHECK (true);
CREATE POLICY services ON public.extraction_cache TO service_role USING (true) WITH CHECK (true);
CREATE POLICY services ON public.facts TO service_role USING (true) WITH CHECK (true);
CREATE POLICY services ON public.imports TO service_role USING (true) WITH CHECK (true);
CREATE POLICY services ON public.leases TO service_role USING (true) WITH CHECK (true);
CREATE POLICY services ON public.memory_outbox TO service_role USING (true) WITH CHECK (true);
CREATE POLICY services ON public.profile_versions TO service_role USING (true) WITH CHECK (true);
CREATE POLICY services ON public.service_holds TO service_role USING (true) WITH CHECK (true);
CREATE POLICY services ON public.user_names TO service_role USING (true) WITH CHECK (true);
CREATE POLICY services ON public.user_profiles TO service_role USING (true) WITH CHECK (true);
ALTER TABLE public.soulprint_migrations ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.user_names ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.user_profiles ENABLE ROW LEVEL SECURITY;
GRANT USAGE ON SCHEMA auth TO anon;
GRANT USAGE ON SCHEMA auth TO authenticated;
GRANT USAGE ON SCHEMA auth TO service_role;
GRANT USAGE ON SCHEMA public TO anon;
GRANT USAGE ON SCHEMA public TO authenticated;
GRANT USAGE ON SCHEMA public TO service_role;
GRANT ALL ON FUNCTION auth.uid() TO anon;
GRANT ALL ON FUNCTION auth.uid() TO authenticated;
GRANT ALL ON FUNCTION auth.uid() TO service_role;
REVOKE ALL ON FUNCTION public.accept_memory(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.accept_memory(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.bound_request_time() FROM PUBLIC;
REVOKE ALL ON FUNCTION public.cached_hashes(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.cached_hashes(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.cancel_run(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.cancel_run(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.claim_run(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.claim_run(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.close_batch_chunks(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.close_batch_chunks(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.close_extraction(p_import_id uuid, p_run integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.close_extraction(p_import_id uuid, p_run integer) TO service_role;
REVOKE ALL ON FUNCTION public.commit_memory(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.commit_memory(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.fail_run(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.fail_run(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.find_fact(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.find_fact(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.find_stalled(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.find_stalled(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.finish_chunking(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.finish_chunking(argument jsonb) TO service_role;
GRANT SELECT ON TABLE public.imports TO authenticated;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.imports TO service_role;
REVOKE ALL ON FUNCTION public.is_complete_run(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.is_complete_run(i public.imports) TO service_role;
REVOKE ALL ON FUNCTION public.is_newest_run(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.is_newest_run(i public.imports) TO service_role;
REVOKE ALL ON FUNCTION public.keep_memory(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.keep_memory(argument jsonb) TO service_role;
GRANT SELECT ON TABLE public.user_profiles TO authenticated;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.user_profiles TO service_role;
REVOKE ALL ON FUNCTION public.keep_version(p public.user_profiles, replaced timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.keep_version(p public.user_profiles, replaced timestamp with time zone) TO service_role;
REVOKE ALL ON FUNCTION public.list_facts(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.list_facts(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.list_runs(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.list_runs(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.list_users(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.list_users(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.look_up_chunks(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.look_up_chunks(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.loses_much(i public.imports, p public.user_profiles) FROM PUBLIC;
GRANT ALL ON FUNCTION public.loses_much(i public.imports, p public.user_profiles) TO service_role;
REVOKE ALL ON FUNCTION public.mark_published(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.mark_published(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.name_user(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.name_user(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.note_holds(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.note_holds(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.note_progress(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.note_progress(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.open_batch(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.open_batch(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.read_batches(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_batches(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.read_dead_chunks(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_dead_chunks(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.read_documents(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_documents(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.read_facts(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_facts(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.read_holds(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_holds(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.read_kept_memory(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_kept_memory(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.read_passages(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_passages(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.read_profile(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_profile(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.read_run(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_run(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.read_sample(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_sample(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.read_usage(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_usage(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.read_user_names(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.read_user_names(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.record_chunks(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.record_chunks(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.recorded_chunks(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.recorded_chunks(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.release_lease(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.release_lease(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.release_run(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.release_run(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.renew_run(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.renew_run(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.request_run(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.request_run(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.request_time(p_user uuid, claimed timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.request_time(p_user uuid, claimed timestamp with time zone) TO service_role;
REVOKE ALL ON FUNCTION public.require_writable(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.require_writable(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.save_chunks_batch(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.save_chunks_batch(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.search_passages(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.search_passages(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.search_patterns(search text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.search_patterns(search text) TO service_role;
REVOKE ALL ON FUNCTION public.serve_version(n public.user_profiles) FROM PUBLIC;
GRANT ALL ON FUNCTION public.serve_version(n public.user_profiles) TO service_role;
REVOKE ALL ON FUNCTION public.settle_facts(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.settle_facts(argument jsonb) TO service_role;
GRANT SELECT ON TABLE public.facts TO authenticated;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.facts TO service_role;
REVOKE ALL ON FUNCTION public.shown_facts(shown public.facts[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.shown_facts(shown public.facts[]) TO service_role;
REVOKE ALL ON FUNCTION public.take_conversations(p_user uuid, p_requested_at timestamp with time zone, p_ordinal bigint, ids text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.take_conversations(p_user uuid, p_requested_at timestamp with time zone, p_ordinal bigint, ids text[]) TO service_role;
REVOKE ALL ON FUNCTION public.take_lease(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.take_lease(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.take_run(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.take_run(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.told_state(i public.imports) FROM PUBLIC;
GRANT ALL ON FUNCTION public.told_state(i public.imports) TO service_role;
REVOKE ALL ON FUNCTION public.update_progress(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.update_progress(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.update_user_profile(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.update_user_profile(argument jsonb) TO service_role;
REVOKE ALL ON FUNCTION public.watch_run(argument jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION public.watch_run(argument jsonb) TO service_role;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.batch_chunks TO service_role;
GRANT SELECT ON TABLE public.chunk_results TO authenticated;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.chunk_results TO service_role;
GRANT SELECT ON TABLE public.conversation_chunks TO authenticated;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.conversation_chunks TO service_role;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.conversation_runs TO service_role;
GRANT SELECT ON TABLE public.extraction_cache TO authenticated;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.extraction_cache TO service_role;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.leases TO service_role;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.memory_outbox TO service_role;
GRANT SELECT ON TABLE public.profile_versions TO authenticated;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.profile_versions TO service_role;
GRANT SELECT ON TABLE public.run_usage TO authenticated;
GRANT SELECT ON TABLE public.run_usage TO service_role;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.service_holds TO service_role;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.user_names TO service_role;
GRANT SELECT ON TABLE public.user_usage TO authenticated;
GRANT SELECT ON TABLE public.user_usage TO service_role;
