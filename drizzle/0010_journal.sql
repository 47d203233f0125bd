-- The journal: what a member does, against how they recover.
CREATE TABLE "journal_entries" (
	"user_id" integer NOT NULL,
	"cycle_start" timestamp with time zone NOT NULL,
	"question" text NOT NULL,
	"cycle_end" timestamp with time zone,
	"timezone_offset" varchar(10) NOT NULL,
	"answered" boolean,
	"notes" text,
	"raw_data" jsonb NOT NULL,
	"first_seen" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "journal_entries_user_id_cycle_start_question_pk" PRIMARY KEY("user_id","cycle_start","question")
);
--> statement-breakpoint
CREATE TABLE "journal_imports" (
	"user_id" integer PRIMARY KEY NOT NULL,
	"newest_cycle" timestamp with time zone NOT NULL,
	"imported_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "journal_entries" ADD CONSTRAINT "journal_entries_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "journal_imports" ADD CONSTRAINT "journal_imports_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;
--> statement-breakpoint
-- The day of an answer is that of its cycle in daily_summary: where the main sleep ended, or else where the middle lies; of
-- a cycle that is not stored, where its middle lies by the export's own times. The export cuts starts to the second.
CREATE VIEW journal_days AS
WITH cycles AS NOT MATERIALIZED (
  SELECT c.user_id, c.id, date_trunc('second', c.start_time) AS cycle_start, s.length,
    coalesce(s.day, local_time(
      c.start_time + coalesce((c.end_time - c.start_time) / 2, interval '12 hours'), c.timezone_offset
    )::date) AS day
  FROM cycle_records c LEFT JOIN LATERAL (
    SELECT local_time(coalesce(end_time, start_time), timezone_offset)::date AS day,
      coalesce(end_time - start_time, interval '0') AS length
    FROM sleep_records WHERE user_id = c.user_id AND cycle_id = c.id AND NOT nap ORDER BY 2 DESC, id LIMIT 1
  ) s ON true
), answers AS NOT MATERIALIZED (
  SELECT e.user_id, e.question, e.answered, e.notes, e.cycle_start, c.id AS cycle_id, c.length,
    coalesce(c.day, local_time(
      e.cycle_start + coalesce((e.cycle_end - e.cycle_start) / 2, interval '12 hours'), e.timezone_offset
    )::date) AS day
  FROM journal_entries e LEFT JOIN cycles c ON c.user_id = e.user_id AND c.cycle_start = e.cycle_start
)
-- of two cycles on a day, one of which WHOOP may have deleted since, the one with the main sleep
SELECT DISTINCT ON (user_id, question, day) user_id, day, question, answered, notes, cycle_id
FROM answers
ORDER BY user_id, question, day, length DESC NULLS LAST, cycle_id IS NULL, cycle_start DESC;
--> statement-breakpoint
COMMENT ON VIEW journal_days IS 'One row per member, day and question of the journal that whoopster import has stored; day as in daily_summary. The answer was given in the morning, about the time before that day''s main sleep. cycle_id is NULL when the cycle is not stored.';
--> statement-breakpoint
-- PostgreSQL has no Student distribution: the incomplete beta function by its continued fraction (https://dlmf.nist.gov/8.17),
-- and the critical value by Newton's method.
CREATE FUNCTION student_t(t double precision, df double precision, OUT p double precision, OUT critical double precision)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  z CONSTANT double precision := 1.959963984540054; -- the normal distribution's
  half double precision := df / 2;
  ratio double precision := 1; -- of gamma(half + 1/2) to gamma(half)
  x double precision;
  inner_share double precision; -- x^2 / (df + x^2)
  a double precision;
  b double precision;
  w double precision;
  fraction double precision;
BEGIN
  IF t IS NULL OR df IS NULL THEN
    RETURN;
  END IF;
  WHILE half < 10 LOOP
    ratio := ratio * half / (half + 0.5);
    half := half + 1;
  END LOOP;
  ratio := ratio * sqrt(half) * exp(-1 / (8 * half) + 1 / (192 * half ^ 3) - 1 / (640 * half ^ 5) + 17 / (14336 * half ^ 7));
  x := z + (z ^ 3 + z) / (4 * df) + (5 * z ^ 5 + 16 * z ^ 3 + 3 * z) / (96 * df ^ 2);
  FOR step IN 1..7 LOOP
    IF step = 7 THEN
      critical := x;
      x := abs(t);
    END IF;
    inner_share := x * x / (df + x * x);
    -- the fraction converges on one side of its middle, the other is what is left
    IF inner_share > 1.5 / (df / 2 + 2.5) THEN
      a := df / 2; b := 0.5; w := df / (df + x * x);
    ELSE
      a := 0.5; b := df / 2; w := inner_share;
    END IF;
    fraction := 1;
    FOR m IN REVERSE 20 + 2 * sqrt(df)::integer .. 0 LOOP
      IF m > 0 THEN
        fraction := 1 - (a + m) * (a + b + m) * w / ((a + 2 * m) * (a + 2 * m + 1)) / fraction;
        fraction := 1 + m * (b - m) * w / ((a + 2 * m - 1) * (a + 2 * m)) / fraction;
      ELSE
        fraction := 1 - (a + b) * w / (a + 1) / fraction;
      END IF;
    END LOOP;
    p := CASE WHEN w = 0 THEN 0 ELSE w ^ a * (1 - w) ^ b * ratio / sqrt(pi()) / a / fraction END;
    IF a = 0.5 THEN
      p := 1 - p;
    END IF;
    EXIT WHEN step = 7;
    x := x + (p - 0.05) / (2 * ratio / sqrt(df * pi()) * (1 + x * x / df) ^ (-(df + 1) / 2));
  END LOOP;
END $$;
--> statement-breakpoint
COMMENT ON FUNCTION student_t IS 'Student''s distribution with df (2 or more, not necessarily whole) degrees of freedom: p, how probable a value at least as far from 0 as t is, and critical, which 95 % of the values do not exceed in size.';
--> statement-breakpoint
-- Nights resemble the night before, and habits come in runs: what repeats itself says less than its number. docs/journal.md
-- has the formula, and what it was measured to cover.
CREATE VIEW behaviour_effects AS
WITH nights AS NOT MATERIALIZED (
  -- a cycle's main sleep, and the recovery from it; WHOOP says of the first nights that it does not know the member yet
  SELECT s.user_id, s.cycle_id, whoop_figure(r.recovery_score) AS recovery, whoop_reading(r.hrv_rmssd) AS hrv,
    whoop_reading(r.resting_heart_rate) AS resting, whoop_figure(s.sleep_performance_percentage) AS sleep
  FROM (
    SELECT DISTINCT ON (user_id, cycle_id) user_id, cycle_id, id, sleep_performance_percentage FROM sleep_records WHERE NOT nap
    ORDER BY user_id, cycle_id, coalesce(end_time - start_time, interval '0') DESC, id
  ) s
  LEFT JOIN recovery_records r ON r.user_id = s.user_id AND r.id = s.id
  WHERE r.user_calibrating IS NOT TRUE
), answers AS NOT MATERIALIZED (
  -- one sort serves all of it, and a condition on user_id reaches the tables: nothing here is asked for twice
  SELECT j.user_id, j.question, j.answered::integer::double precision AS x, n.recovery, n.hrv, n.resting, n.sleep,
    j.day - lag(j.day) OVER before = 1 AS follows, lag(j.answered::integer::double precision) OVER before AS x0,
    lag(n.recovery) OVER before AS recovery0, avg(n.recovery) FILTER (WHERE j.answered) OVER behaviour AS recovery_yes,
    avg(n.recovery) FILTER (WHERE NOT j.answered) OVER behaviour AS recovery_no,
    lag(n.hrv) OVER before AS hrv0, avg(n.hrv) FILTER (WHERE j.answered) OVER behaviour AS hrv_yes,
    avg(n.hrv) FILTER (WHERE NOT j.answered) OVER behaviour AS hrv_no,
    lag(n.resting) OVER before AS resting0, avg(n.resting) FILTER (WHERE j.answered) OVER behaviour AS resting_yes,
    avg(n.resting) FILTER (WHERE NOT j.answered) OVER behaviour AS resting_no,
    lag(n.sleep) OVER before AS sleep0, avg(n.sleep) FILTER (WHERE j.answered) OVER behaviour AS sleep_yes,
    avg(n.sleep) FILTER (WHERE NOT j.answered) OVER behaviour AS sleep_no
  FROM journal_days j JOIN nights n ON n.user_id = j.user_id AND n.cycle_id = j.cycle_id
  WHERE j.answered IS NOT NULL
  WINDOW behaviour AS (PARTITION BY j.user_id, j.question), before AS (PARTITION BY j.user_id, j.question ORDER BY j.day)
), sums AS NOT MATERIALIZED (
  SELECT user_id, question, metric, days_yes, days_no, mean_yes, mean_no, square_yes, square_no,
    least(0.9, coalesce(nights_alike, 0) * coalesce(answers_alike, 0)) AS alike
  FROM (
    SELECT user_id, question,
      count(recovery) FILTER (WHERE x = 1) AS recovery_days_yes, count(recovery) FILTER (WHERE x = 0) AS recovery_days_no,
      max(recovery_yes) AS recovery_yes, max(recovery_no) AS recovery_no,
      var_samp(recovery) FILTER (WHERE x = 1) AS recovery_var_yes, var_samp(recovery) FILTER (WHERE x = 0) AS recovery_var_no,
      corr(recovery - CASE x WHEN 1 THEN recovery_yes ELSE recovery_no END, recovery0 - CASE x0 WHEN 1 THEN recovery_yes ELSE recovery_no END)
        FILTER (WHERE follows) AS recovery_nights,
      corr(x, x0) FILTER (WHERE follows AND recovery IS NOT NULL AND recovery0 IS NOT NULL) AS recovery_answers,
      count(hrv) FILTER (WHERE x = 1) AS hrv_days_yes, count(hrv) FILTER (WHERE x = 0) AS hrv_days_no,
      max(hrv_yes) AS hrv_yes, max(hrv_no) AS hrv_no,
      var_samp(hrv) FILTER (WHERE x = 1) AS hrv_var_yes, var_samp(hrv) FILTER (WHERE x = 0) AS hrv_var_no,
      corr(hrv - CASE x WHEN 1 THEN hrv_yes ELSE hrv_no END, hrv0 - CASE x0 WHEN 1 THEN hrv_yes ELSE hrv_no END)
        FILTER (WHERE follows) AS hrv_nights,
      corr(x, x0) FILTER (WHERE follows AND hrv IS NOT NULL AND hrv0 IS NOT NULL) AS hrv_answers,
      count(resting) FILTER (WHERE x = 1) AS resting_days_yes, count(resting) FILTER (WHERE x = 0) AS resting_days_no,
      max(resting_yes) AS resting_yes, max(resting_no) AS resting_no,
      var_samp(resting) FILTER (WHERE x = 1) AS resting_var_yes, var_samp(resting) FILTER (WHERE x = 0) AS resting_var_no,
      corr(resting - CASE x WHEN 1 THEN resting_yes ELSE resting_no END, resting0 - CASE x0 WHEN 1 THEN resting_yes ELSE resting_no END)
        FILTER (WHERE follows) AS resting_nights,
      corr(x, x0) FILTER (WHERE follows AND resting IS NOT NULL AND resting0 IS NOT NULL) AS resting_answers,
      count(sleep) FILTER (WHERE x = 1) AS sleep_days_yes, count(sleep) FILTER (WHERE x = 0) AS sleep_days_no,
      max(sleep_yes) AS sleep_yes, max(sleep_no) AS sleep_no,
      var_samp(sleep) FILTER (WHERE x = 1) AS sleep_var_yes, var_samp(sleep) FILTER (WHERE x = 0) AS sleep_var_no,
      corr(sleep - CASE x WHEN 1 THEN sleep_yes ELSE sleep_no END, sleep0 - CASE x0 WHEN 1 THEN sleep_yes ELSE sleep_no END)
        FILTER (WHERE follows) AS sleep_nights,
      corr(x, x0) FILTER (WHERE follows AND sleep IS NOT NULL AND sleep0 IS NOT NULL) AS sleep_answers
    FROM answers GROUP BY user_id, question
  ) all_figures CROSS JOIN LATERAL (VALUES
    ('recovery_score', recovery_days_yes, recovery_days_no, recovery_yes, recovery_no, recovery_var_yes / nullif(recovery_days_yes, 0),
      recovery_var_no / nullif(recovery_days_no, 0), recovery_nights, recovery_answers),
    ('hrv_rmssd', hrv_days_yes, hrv_days_no, hrv_yes, hrv_no, hrv_var_yes / nullif(hrv_days_yes, 0),
      hrv_var_no / nullif(hrv_days_no, 0), hrv_nights, hrv_answers),
    ('resting_heart_rate', resting_days_yes, resting_days_no, resting_yes, resting_no, resting_var_yes / nullif(resting_days_yes, 0),
      resting_var_no / nullif(resting_days_no, 0), resting_nights, resting_answers),
    ('sleep_performance_percentage', sleep_days_yes, sleep_days_no, sleep_yes, sleep_no, sleep_var_yes / nullif(sleep_days_yes, 0),
      sleep_var_no / nullif(sleep_days_no, 0), sleep_nights, sleep_answers)
  ) f (metric, days_yes, days_no, mean_yes, mean_no, square_yes, square_no, nights_alike, answers_alike)
  WHERE days_yes >= 5 AND days_no >= 5
), compared AS (
  -- Welch's variance, and Satterthwaite's degrees of freedom
  SELECT *, mean_yes - mean_no AS difference, (square_yes + square_no) * inflation AS variance,
    greatest(2, (square_yes + square_no) ^ 2
      / nullif(square_yes ^ 2 / (days_yes - 1) + square_no ^ 2 / (days_no - 1), 0) / inflation) AS df
  FROM (SELECT *, greatest(1, (1 + alike) / (1 - alike)) AS inflation FROM sums) s
), tested AS (
  SELECT c.*, t.critical * sqrt(nullif(variance, 0)) AS margin, coalesce(t.p, 1) AS p_value
  FROM compared c CROSS JOIN LATERAL student_t(difference / sqrt(nullif(variance, 0)), df) t
)
-- Benjamini and Hochberg: among many questions some differ by chance
SELECT user_id, question, metric, days_yes::integer, days_no::integer, mean_yes, mean_no, difference,
  difference - margin AS ci_low, difference + margin AS ci_high,
  min(least(1, p_value * questions / place)) OVER (PARTITION BY user_id, metric ORDER BY place DESC) AS q_value
FROM (
  SELECT *, count(*) OVER (PARTITION BY user_id, metric) AS questions,
    row_number() OVER (PARTITION BY user_id, metric ORDER BY p_value, question) AS place
  FROM tested
) ranked;
--> statement-breakpoint
COMMENT ON VIEW behaviour_effects IS 'One row per member, question and figure (metric: recovery_score, hrv_rmssd, resting_heart_rate, sleep_performance_percentage) with at least five yes and five no: the figure''s means after a yes and after a no, in the same cycle''s main sleep, their difference with its 95 % interval, corrected for nights and habits that resemble the day before, and q_value: the share of false ones to expect among all of the member''s effects on this figure that are at least as clear. An effect is clear when q_value is at most 0.05. It is no proof of a cause: weekdays, for one, go with both.';
--> statement-breakpoint
CREATE FUNCTION correlation(days date[], x double precision[], y double precision[],
  OUT r double precision, OUT n integer, OUT effective_n double precision, OUT ci_low double precision, OUT ci_high double precision)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  WITH pairs AS (
    SELECT p.x, p.y, p.day - lag(p.day) OVER before = 1 AS follows, lag(p.x) OVER before AS x0, lag(p.y) OVER before AS y0
    FROM unnest(days, x, y) p (day, x, y) WHERE p.x IS NOT NULL AND p.y IS NOT NULL
    WINDOW before AS (ORDER BY p.day)
  ), sums AS (
    SELECT corr(p.x, p.y) AS r, count(*)::integer AS n, greatest(0, least(0.9,
      coalesce(corr(p.x, p.x0) FILTER (WHERE follows), 0) * coalesce(corr(p.y, p.y0) FILTER (WHERE follows), 0))) AS alike
    FROM pairs p
  ), known AS (SELECT s.r, s.n, s.n * (1 - alike) / (1 + alike) AS effective_n FROM sums s)
  SELECT k.r, k.n, k.effective_n,
    CASE WHEN k.effective_n > 4 THEN tanh(atanh(k.r) - 1.959963984540054 / sqrt(k.effective_n - 3)) END,
    CASE WHEN k.effective_n > 4 THEN tanh(atanh(k.r) + 1.959963984540054 / sqrt(k.effective_n - 3)) END
  FROM known k;
END;
--> statement-breakpoint
COMMENT ON FUNCTION correlation IS 'Pearson''s r of the days'' pairs (x, y), of which n are complete, with its 95 % interval by Fisher''s z. Both follow the day before, so n days say as much as effective_n unrelated ones. Ask: SELECT c.* FROM (SELECT array_agg(day) AS days, array_agg(a) AS x, array_agg(b) AS y FROM ...) s, correlation(days, x, y) c';
--> statement-breakpoint
DO $$
DECLARE
  readable CONSTANT text := 'journal_entries, journal_imports, journal_days, behaviour_effects';
BEGIN
  IF to_regrole('whoopster_reader') IS NULL THEN
    RAISE WARNING 'The role whoopster_reader, with which Grafana reads, cannot read the journal while it is missing.'
      USING HINT = format('as an administrator, in this database: GRANT SELECT ON %s TO whoopster_reader;', readable);
    RETURN;
  END IF;
  EXECUTE format('GRANT SELECT ON %s TO whoopster_reader', readable);
END $$;
