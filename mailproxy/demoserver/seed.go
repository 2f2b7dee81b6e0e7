package demoserver

import (
	"time"
)

type person struct{ name, address string }

var people = []person{
	{"Ama Serwaa-Boateng", "ama.serwaa@northquay.example"},
	{"Guðrún Þorsteinsdóttir", "gudrun@nordhus.example"},
	{"山田 太郎", "taro.yamada@tokyo-office.example"},
}

func seed(s *Server, acc *account, index, n int) { fillPlain(acc, n, s.opts.Now()) }

func (s *Server) arrive(every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	acc := s.accounts[0]
	for i := 0; ; i++ {
		select {
		case <-t.C:
			now := s.opts.Now()
			acc.append("INBOX", newContent(plainMessage(acc.Account, i, now)), now, nil)
		case <-s.ctx.Done():
			return
		}
	}
}
