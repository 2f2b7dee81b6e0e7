package sanitize

import (
	"os"
	"strings"
	"testing"
)

// newsletter gives about size octets of a real newsletter, its rows repeated.
func newsletter(b testing.TB, size int) string {
	f, err := os.ReadFile("testdata/newsletter.html")
	if err != nil {
		b.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(f), "<!--rows-->")
	rows, foot, ok2 := strings.Cut(rest, "<!--/rows-->")
	if !ok || !ok2 {
		b.Fatal("testdata/newsletter.html has no rows")
	}
	var s strings.Builder
	s.WriteString(head)
	for s.Len()+len(foot) < size {
		s.WriteString(rows)
	}
	s.WriteString(foot)
	return s.String()
}

func BenchmarkHTML(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"100KB", 100 << 10}, {"1MB", 1 << 20}} {
		src := newsletter(b, size.n)
		b.Run(size.name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				HTML(src, Options{})
			}
		})
	}
}

func BenchmarkCountRemote(b *testing.B) {
	src := newsletter(b, 100<<10)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		CountRemote(src)
	}
}
