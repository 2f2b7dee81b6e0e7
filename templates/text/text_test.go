package text

import (
	"context"
	"testing"
	"time"
)

func TestT(t *testing.T) {
	tests := []struct {
		key  string
		args []any
		want string
	}{
		{"Compose", nil, "Compose"},
		{"%d conversations archived", []any{1}, "Conversation archived"},
		{"%d conversations archived", []any{2431}, "2,431 conversations archived"},
		{"%d conversations moved to %s", []any{1, "Travel"}, "Conversation moved to Travel"},
		{"%d conversations moved to %s", []any{3, "100%"}, "3 conversations moved to 100%"},
		{"not in the catalogue %s", []any{"x"}, "not in the catalogue x"},
	}
	for _, tt := range tests {
		if got := T(context.Background(), tt.key, tt.args...); got != tt.want {
			t.Errorf("T(%q, %v) = %q, want %q", tt.key, tt.args, got, tt.want)
		}
	}
}

func TestDates(t *testing.T) {
	ctx := context.Background()
	zone := time.FixedZone("", 3600)
	now := time.Date(2026, 11, 24, 0, 30, 0, 0, zone) // a Tuesday
	tests := []struct {
		at                time.Time
		list, head, group string
	}{
		{time.Date(2026, 11, 23, 23, 10, 0, 0, time.UTC), "00:10", "Today, 00:10", "Today"},
		{time.Date(2026, 11, 23, 10, 0, 0, 0, zone), "23 Nov", "Yesterday, 10:00", "Yesterday"},
		{time.Date(2026, 11, 3, 10, 0, 0, 0, zone), "3 Nov", "3 Nov, 10:00", "Earlier this month"},
		{time.Date(2026, 2, 3, 10, 0, 0, 0, zone), "3 Feb", "3 Feb, 10:00", "February"},
		{time.Date(2023, 10, 14, 10, 0, 0, 0, zone), "14/10/23", "14 Oct 2023, 10:00", "October 2023"},
	}
	for _, tt := range tests {
		if got := ListDate(ctx, tt.at, now); got != tt.list {
			t.Errorf("ListDate(%v) = %q, want %q", tt.at, got, tt.list)
		}
		if got := HeadDate(ctx, tt.at, now); got != tt.head {
			t.Errorf("HeadDate(%v) = %q, want %q", tt.at, got, tt.head)
		}
		if got := Group(ctx, tt.at, now); got != tt.group {
			t.Errorf("Group(%v) = %q, want %q", tt.at, got, tt.group)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 640: "640 B", 312_400: "312 KB", 999_600: "1.0 MB", 2_800_000: "2.8 MB", 48_000_000_000: "48.0 GB"} {
		if got := Size(context.Background(), n); got != want {
			t.Errorf("Size(%d) = %q, want %q", n, got, want)
		}
	}
}
