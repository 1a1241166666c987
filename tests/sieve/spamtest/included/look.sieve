require ["spamtest", "include", "variables"];
global "seen";
if spamtest "10" {
	set "seen" "spam";
} elsif header :contains "X-Spam" "Yes" {
	set "seen" "${seen}field";
}
