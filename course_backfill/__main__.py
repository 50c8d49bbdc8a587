"""`python -m course_backfill` is the `course-backfill` command."""

from course_backfill.cli.entry import main

if __name__ == "__main__":
    main()
