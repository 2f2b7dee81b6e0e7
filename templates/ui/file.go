package ui

import (
	"path"
	"strings"
	"unicode/utf8"
)

// fileHues gives kinds of files a colour of their own; the others are stone.
var fileHues = map[string]string{
	"pdf": "0",
	"ppt": "1", "pptx": "1", "odp": "1", "key": "1",
	"zip": "2", "gz": "2", "7z": "2", "rar": "2", "tar": "2", "xz": "2",
	"xls": "4", "xlsx": "4", "ods": "4", "csv": "4", "numbers": "4",
	"ics": "6", "vcf": "6",
	"doc": "7", "docx": "7", "odt": "7", "rtf": "7", "pages": "7",
	"mp4": "8", "mov": "8", "webm": "8", "mkv": "8", "avi": "8",
	"mp3": "9", "wav": "9", "flac": "9", "ogg": "9", "m4a": "9",
	"jpg": "10", "jpeg": "10", "png": "10", "gif": "10", "webp": "10", "svg": "10", "heic": "10", "avif": "10",
}

const (
	maxFileType = 4 // letters a mark has room for
	fileTail    = 8 // runes of a name's end that are always shown
)

// fileType is the ending of a file's name, in lower case and at most four letters,
// "" when it has none.
func fileType(name string) string {
	ext := strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
	if utf8.RuneCountInString(ext) > maxFileType || strings.ContainsAny(ext, " \t") {
		return ""
	}
	return ext
}

// splitName cuts a name in two: the first part may be shortened, the second, with
// the ending, may not.
func splitName(name string) (head, tail string) {
	cut := len(name)
	for range fileTail {
		_, n := utf8.DecodeLastRuneInString(name[:cut])
		if n == 0 {
			break
		}
		cut -= n
	}
	return name[:cut], name[cut:]
}
