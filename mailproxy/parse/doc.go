// Package parse turns received bytes into the values of mailproxy/mail: it
// chooses the parts worth fetching from a body structure, decodes transfer
// encodings and charsets, reads headers, addresses, dates and file names, cuts
// plain text into quoted blocks, and splits whole messages that the server has
// not parsed for us.
//
// Everything here reads hostile input. Nothing returns an error for a broken
// message: it is read as far as it can be understood, and what could not be is
// said in Problems, one plain sentence each. Sizes, depths and counts are
// bounded by the constants below; time is linear in the size of the input.
package parse

// Limits of what is read of one message.
const (
	MaxDepth  = 50        // levels of multiparts and enclosed messages together
	MaxParts  = 1000      // leaf parts
	MaxHeader = 256 << 10 // octets of one header
	MaxFields = 2000      // fields of one header
	MaxText   = 4 << 20   // octets fetched of one text part, before decoding
	maxShown  = 2 << 20   // octets of plain text shown

	maxAddresses = 1000 // addresses kept of one field
	maxIDs       = 200  // Message-IDs kept of one field
)
