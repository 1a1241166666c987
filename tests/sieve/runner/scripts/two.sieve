require ["fileinto", "imap4flags"];
addflag "\\Answered";
fileinto "Two";
redirect "two@office.example";
