import Storage

/// Tables of jobs and their reports.
enum JobSchema {
    static let migrations = [
        Migration(
            "jobs-1",
            [
                """
                CREATE TABLE jobs (
                    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL, parameters TEXT NOT NULL,
                    actor TEXT NOT NULL, created_ms BIGINT NOT NULL, started_ms BIGINT, finished_ms BIGINT,
                    done BIGINT NOT NULL, total BIGINT, unit TEXT NOT NULL, counts TEXT NOT NULL, error TEXT,
                    problems BIGINT NOT NULL, result_bytes BIGINT)
                """,
                """
                CREATE TABLE job_problems (
                    job_id BIGINT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, number BIGINT NOT NULL, line BIGINT,
                    subject TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (job_id, number))
                """,
            ])
    ]
}
