package remote

import (
	"bytes"
	"encoding/binary"
	"errors"
)

var errNoImage = errors.New("not an image that is shown")

var (
	le = binary.LittleEndian
	be = binary.BigEndian
)

// inspect says by its bytes what kind of raster image b is and how many pixels it
// claims; nothing is decoded. A kind it does not know, or an image that does not
// say its size, is an error. SVG is none: it is a program.
func inspect(b []byte) (kind string, w, h uint32, err error) {
	kind = kindOf(b)
	switch kind {
	case "image/png":
		w, h = pngSize(b)
	case "image/gif":
		w, h = gifSize(b)
	case "image/jpeg":
		w, h = jpegSize(b)
	case "image/webp":
		w, h = webpSize(b)
	case "image/avif":
		w, h = avifSize(b)
	case "image/bmp":
		w, h = bmpSize(b)
	}
	if w == 0 || h == 0 {
		return "", 0, 0, errNoImage
	}
	return kind, w, h, nil
}

// kindOf looks at the first bytes; "" is nothing that is shown.
func kindOf(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		return "image/png"
	case bytes.HasPrefix(b, []byte("GIF87a")), bytes.HasPrefix(b, []byte("GIF89a")):
		return "image/gif"
	case bytes.HasPrefix(b, []byte("\xff\xd8\xff")):
		return "image/jpeg"
	case len(b) >= 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP":
		return "image/webp"
	case isAVIF(b):
		return "image/avif"
	case len(b) >= 26 && string(b[:2]) == "BM" && (le.Uint32(b[14:]) == 12 || le.Uint32(b[14:]) >= 40 && le.Uint32(b[14:]) <= 124):
		return "image/bmp"
	}
	return ""
}

// pngSize reads IHDR, the first chunk (PNG section 11.2.1).
func pngSize(b []byte) (w, h uint32) {
	if len(b) < 24 || string(b[12:16]) != "IHDR" {
		return 0, 0
	}
	return be.Uint32(b[16:]), be.Uint32(b[20:])
}

// jpegSize finds the frame header among the segments (ITU T.81 annex B).
func jpegSize(b []byte) (w, h uint32) {
	for i := 2; i+4 <= len(b); {
		if b[i] != 0xff {
			return 0, 0
		}
		m := b[i+1]
		switch {
		case m == 0xff: // fill
			i++
			continue
		case m == 0x01 || m >= 0xd0 && m <= 0xd8: // no length
			i += 2
			continue
		case m == 0xd9 || m == 0xda || m == 0:
			return 0, 0
		case m >= 0xc0 && m <= 0xcf && m != 0xc4 && m != 0xc8 && m != 0xcc:
			if i+9 > len(b) {
				return 0, 0
			}
			return uint32(be.Uint16(b[i+7:])), uint32(be.Uint16(b[i+5:]))
		}
		n := int(be.Uint16(b[i+2:]))
		if n < 2 {
			return 0, 0
		}
		i += 2 + n
	}
	return 0, 0
}

// gifSize is the canvas that the screen and every frame need (GIF89a sections 18
// to 20): browsers make room for a frame larger than the screen.
func gifSize(b []byte) (w, h uint32) {
	if len(b) < 13 {
		return 0, 0
	}
	w, h = uint32(le.Uint16(b[6:])), uint32(le.Uint16(b[8:]))
	i := 13 + colours(b[10])
	blocks := func() { // passes data sub-blocks
		for i < len(b) && b[i] != 0 {
			i += 1 + int(b[i])
		}
		i++
	}
	for i < len(b) {
		switch b[i] {
		case 0x21: // extension
			i += 2
			blocks()
		case 0x2c: // image descriptor
			if i+11 > len(b) {
				return w, h
			}
			w = max(w, uint32(le.Uint16(b[i+1:]))+uint32(le.Uint16(b[i+5:])))
			h = max(h, uint32(le.Uint16(b[i+3:]))+uint32(le.Uint16(b[i+7:])))
			i += 11 + colours(b[i+9])
			blocks()
		default:
			return w, h
		}
	}
	return w, h
}

// colours is the size of the colour table that a packed field announces.
func colours(packed byte) int {
	if packed&0x80 == 0 {
		return 0
	}
	return 3 << (packed&7 + 1)
}

// webpSize reads the first chunk (RFC 9649 sections 2.5 to 2.7).
func webpSize(b []byte) (w, h uint32) {
	if len(b) < 30 {
		return 0, 0
	}
	switch string(b[12:16]) {
	case "VP8 ":
		if string(b[23:26]) == "\x9d\x01\x2a" {
			return uint32(le.Uint16(b[26:]) & 0x3fff), uint32(le.Uint16(b[28:]) & 0x3fff)
		}
	case "VP8L":
		if b[20] == 0x2f {
			n := le.Uint32(b[21:])
			return n&0x3fff + 1, n>>14&0x3fff + 1
		}
	case "VP8X":
		return (le.Uint32(b[24:]) & 0xffffff) + 1, (le.Uint32(b[26:]) >> 8) + 1
	}
	return 0, 0
}

// bmpSize reads either of the headers that are met. A negative height is one
// whose rows come from the top.
func bmpSize(b []byte) (w, h uint32) {
	if le.Uint32(b[14:]) == 12 {
		if len(b) < 22 {
			return 0, 0
		}
		return uint32(le.Uint16(b[18:])), uint32(le.Uint16(b[20:]))
	}
	w, h = le.Uint32(b[18:]), le.Uint32(b[22:])
	if h > 1<<31 {
		h = -h
	}
	return w, h
}
