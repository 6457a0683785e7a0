module tollhouse-verify

go 1.22
