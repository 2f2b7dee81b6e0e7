package remote

// isAVIF looks for AVIF's brands in the first box (AVIF section 6).
func isAVIF(b []byte) bool {
	if len(b) < 16 || string(b[4:8]) != "ftyp" {
		return false
	}
	end := min(uint64(be.Uint32(b)), uint64(len(b)), 256)
	for i := uint64(8); i+4 <= end; i += 4 {
		if s := string(b[i : i+4]); i != 12 && (s == "avif" || s == "avis") {
			return true
		}
	}
	return false
}

const maxBoxes = 4096 // looked at in one file

// avifSize is the largest picture that the boxes name: of an item (HEIF section
// 6.5.3) or of a track (ISO 14496-12 section 12.1.3).
func avifSize(b []byte) (w, h uint32) {
	s := avifScan{left: maxBoxes}
	s.boxes(b, 0)
	return s.w, s.h
}

type avifScan struct {
	w, h uint32
	left int
}

// avifParts says how many octets precede the boxes within a box.
var avifParts = map[string]int{"meta": 4, "iprp": 0, "ipco": 0, "moov": 0, "trak": 0, "mdia": 0, "minf": 0, "stbl": 0, "stsd": 8}

const maxBoxDepth = 8

func (s *avifScan) boxes(b []byte, depth int) {
	for len(b) >= 8 && s.left > 0 {
		s.left--
		kind, head, size := string(b[4:8]), 8, uint64(be.Uint32(b))
		switch {
		case size == 0: // to the end
			size = uint64(len(b))
		case size == 1 && len(b) >= 16:
			head, size = 16, be.Uint64(b[8:])
		}
		if size < uint64(head) {
			return
		}
		box := b[head:max(uint64(head), min(size, uint64(len(b))))]
		if skip, ok := avifParts[kind]; ok && depth < maxBoxDepth && len(box) >= skip {
			s.boxes(box[skip:], depth+1)
		}
		switch {
		case kind == "ispe" && len(box) >= 12:
			s.see(be.Uint32(box[4:]), be.Uint32(box[8:]))
		case kind == "av01" && len(box) >= 28:
			s.see(uint32(be.Uint16(box[24:])), uint32(be.Uint16(box[26:])))
		}
		if size >= uint64(len(b)) {
			return
		}
		b = b[size:]
	}
}

func (s *avifScan) see(w, h uint32) {
	if uint64(w)*uint64(h) > uint64(s.w)*uint64(s.h) {
		s.w, s.h = w, h
	}
}
