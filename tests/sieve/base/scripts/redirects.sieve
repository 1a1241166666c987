redirect "r1@d.example";
redirect "r2@d.example";
redirect "r3@d.example";
redirect "r4@d.example";
redirect "r5@d.example";
