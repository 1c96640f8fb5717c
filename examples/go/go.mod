module edgequake-example

go 1.19
