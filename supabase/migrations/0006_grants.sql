-- Only services may call the functions. Functions of later migrations end with the same lines.

DO $$
DECLARE
    f regprocedure;
BEGIN
    FOR f IN
        SELECT p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f'
          AND p.proname IN (
            'is_newest_run', 'is_complete_run', 'begin_run', 'close_extraction', 'finish_chunking', 'claim_run',
            'renew_run', 'release_run', 'mark_published', 'update_progress', 'fail_run', 'cancel_run',
            'read_run', 'read_sample', 'save_chunks_batch', 'lookup_extractions', 'record_chunks', 'read_facts',
            'settle_facts', 'commit_memory', 'update_user_profile', 'read_profile', 'search_patterns',
            'shown_fact', 'list_facts', 'find_fact', 'read_passages', 'search_passages')
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC, anon, authenticated', f);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO service_role', f);
    END LOOP;
END
$$;
