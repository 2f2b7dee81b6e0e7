package text

import (
	"context"
	"time"
)

// ListDate is the short date of a row: the time today, day and month this year,
// the whole date before. now carries the person's time zone.
func ListDate(ctx context.Context, t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(now.Location())
	switch {
	case sameDay(t, now):
		return t.Format("15:04")
	case t.Year() == now.Year():
		return t.Format("2 Jan")
	}
	return t.Format("02/01/06")
}

// FullDate is a date with its weekday and time, for titles and headers.
func FullDate(ctx context.Context, t, now time.Time) string {
	if t.IsZero() {
		return T(ctx, "no date")
	}
	return t.In(now.Location()).Format("Monday, 2 January 2006, 15:04")
}

// HeadDate is the date in the head of an open message.
func HeadDate(ctx context.Context, t, now time.Time) string {
	if t.IsZero() {
		return T(ctx, "no date")
	}
	t = t.In(now.Location())
	clock := t.Format("15:04")
	switch {
	case sameDay(t, now):
		return T(ctx, "Today, %s", clock)
	case sameDay(t, now.AddDate(0, 0, -1)):
		return T(ctx, "Yesterday, %s", clock)
	case t.Year() == now.Year():
		return t.Format("2 Jan, 15:04")
	}
	return t.Format("2 Jan 2006, 15:04")
}

// Group is the heading under which a row stands: Today, Yesterday, Earlier this
// week, Earlier this month, then months.
func Group(ctx context.Context, t, now time.Time) string {
	t = t.In(now.Location())
	y, m, d := now.Date()
	today := time.Date(y, m, d, 0, 0, 0, 0, now.Location())
	week := today.AddDate(0, 0, -((int(today.Weekday()) + 6) % 7))
	switch {
	case t.IsZero():
		return T(ctx, "No date")
	case !t.Before(today):
		return T(ctx, "Today")
	case !t.Before(today.AddDate(0, 0, -1)):
		return T(ctx, "Yesterday")
	case !t.Before(week):
		return T(ctx, "Earlier this week")
	case !t.Before(time.Date(y, m, 1, 0, 0, 0, 0, now.Location())):
		return T(ctx, "Earlier this month")
	case t.Year() == y:
		return t.Format("January")
	}
	return t.Format("January 2006")
}

// Size words a number of octets: 640 B, 312 KB, 2.8 MB, powers of 1,000.
func Size(ctx context.Context, n int64) string {
	switch {
	case n < 0:
		return ""
	case n < 1000:
		return T(ctx, "%d B", n)
	case n < 999_500:
		return T(ctx, "%d KB", (n+500)/1000)
	case n < 999_500_000:
		return T(ctx, "%.1f MB", float64(n)/1e6)
	}
	return T(ctx, "%.1f GB", float64(n)/1e9)
}

func sameDay(a, b time.Time) bool {
	ay, am, ad := a.Date()
	by, bm, bd := b.Date()
	return ay == by && am == bm && ad == bd
}
