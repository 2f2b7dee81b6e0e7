package remote

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

func b64(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// box is an ISO 14496-12 box of parts.
func box(kind string, parts ...string) string {
	body := strings.Join(parts, "")
	return string(be.AppendUint32(nil, uint32(8+len(body)))) + kind + body
}

func u32(n uint32) string { return string(be.AppendUint32(nil, n)) }

func avif(brand string, boxes ...string) []byte {
	return []byte(box("ftyp", brand, u32(0), "mif1", "avif") + strings.Join(boxes, ""))
}

func ispe(w, h uint32) string {
	return box("meta", u32(0), box("hdlr", u32(0)), box("iprp", box("ipco", box("pixi", u32(0)), box("ispe", u32(0), u32(w), u32(h)), box("ispe", u32(0), u32(8), u32(8)))))
}

func vp8x(w, h int) []byte {
	b := []byte("RIFF\x16\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00")
	for _, n := range []int{w - 1, h - 1} {
		b = append(b, byte(n), byte(n>>8), byte(n>>16))
	}
	return b
}

func bmp(w, h int32) []byte {
	b := append([]byte("BM"), make([]byte, 52)...)
	b[14] = 40
	le.PutUint32(b[18:], uint32(w))
	le.PutUint32(b[22:], uint32(h))
	return b
}

// frameAt is a GIF whose screen is 1 by 1 and whose frame is elsewhere.
func frameAt(left, top, w, h uint16) []byte {
	b := []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff\x21\xf9\x04\x00\x00\x00\x00\x00\x2c")
	for _, n := range []uint16{left, top, w, h} {
		b = le.AppendUint16(b, n)
	}
	return append(b, "\x00\x02\x02\x44\x01\x00\x3b"...)
}

func TestInspect(t *testing.T) {
	tests := []struct {
		name string
		body []byte
		kind string
		w, h uint32
	}{
		{"png", pngBytes(3, 5), "image/png", 3, 5},
		{"gif", gifBytes(7, 2), "image/gif", 7, 2},
		{"gif with a frame beyond its screen", frameAt(100, 200, 300, 400), "image/gif", 400, 600},
		{"jpeg", jpegBytes(9, 4), "image/jpeg", 9, 4},
		{"jpeg with fill bytes", []byte("\xff\xd8\xff\xff\xff\xe0\x00\x04ab\xff\xc2\x00\x11\x08\x00\x05\x00\x06"), "image/jpeg", 6, 5},
		{"webp lossy", b64("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA"), "image/webp", 1, 1},
		{"webp lossless", b64("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="), "image/webp", 1, 1},
		{"webp extended", vp8x(640, 480), "image/webp", 640, 480},
		{"avif", avif("avif", ispe(1920, 1080)), "image/avif", 1920, 1080},
		{"avif sequence", avif("avis", box("moov", box("trak", box("mdia", box("minf", box("stbl", box("stsd", u32(0), u32(1), box("av01", strings.Repeat("\x00", 24), "\x01\x40\x00\xf0", "rest")))))))), "image/avif", 320, 240},
		{"bmp", bmp(10, 20), "image/bmp", 10, 20},
		{"bmp from the top", bmp(10, -20), "image/bmp", 10, 20},
		{"old bmp", []byte("BM\x1a\x00\x00\x00\x00\x00\x00\x00\x1a\x00\x00\x00\x0c\x00\x00\x00\x04\x00\x03\x00\x01\x00\x18\x00"), "image/bmp", 4, 3},

		{name: "nothing"},
		{name: "text", body: []byte("hello")},
		{name: "html", body: []byte("<!doctype html><script>alert(1)</script>")},
		{name: "svg", body: []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>`)},
		{name: "svg after a declaration", body: []byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`)},
		{name: "packed svg", body: []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03")},
		{name: "pdf", body: []byte("%PDF-1.7 with more than enough octets to be looked at as a whole by everything")},
		{name: "png without its header", body: []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIDAT\x00\x00\x00\x01\x00\x00\x00\x01")},
		{name: "png of no size", body: []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x00\x00\x00\x00\x01")},
		{name: "jpeg without a frame", body: []byte("\xff\xd8\xff\xda\x00\x04ab\xff\xd9")},
		{name: "jpeg with a bad length", body: []byte("\xff\xd8\xff\xe0\x00\x00\xff\xe0\x00\x00\xff\xc0")},
		{name: "heic", body: []byte(box("ftyp", "heic", u32(0), "mif1", "heic") + ispe(1, 1))},
		{name: "avif without a size", body: avif("avif", box("mdat", "x"))},
		{name: "bm, a word", body: []byte("BMW is a company that makes motor cars")},
		{name: "wave sound", body: []byte("RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x44\xac\x00\x00")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			kind, w, h, err := inspect(tt.body)
			if kind != tt.kind || w != tt.w || h != tt.h || (err == nil) != (tt.kind != "") {
				t.Errorf("%s %d x %d, %v, want %s %d x %d", kind, w, h, err, tt.kind, tt.w, tt.h)
			}
		})
	}
}

func TestInspectBoundsBoxes(t *testing.T) {
	deep := ispe(1, 1)
	for range 50 {
		deep = box("meta", u32(0), deep)
	}
	many := bytes.Repeat([]byte(box("free")), 100_000)
	for _, b := range [][]byte{avif("avif", deep), append(avif("avif"), many...)} {
		if kind, _, _, err := inspect(b); err == nil {
			t.Errorf("%s was found", kind)
		}
	}
}

func FuzzInspect(f *testing.F) {
	for _, b := range [][]byte{pngBytes(1, 1), gifBytes(2, 2), frameAt(1, 2, 3, 4), jpegBytes(3, 3), vp8x(5, 5), avif("avif", ispe(4, 4)), bmp(1, -1)} {
		f.Add(b)
	}
	known := []string{"image/png", "image/gif", "image/jpeg", "image/webp", "image/avif", "image/bmp"}
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, w, h, err := inspect(b)
		if err == nil && (!slices.Contains(known, kind) || w == 0 || h == 0) {
			t.Errorf("%q: %s %d x %d", b, kind, w, h)
		}
		if err != nil && kind != "" {
			t.Errorf("%q: %s and %v", b, kind, err)
		}
	})
}
