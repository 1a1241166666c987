redirect "<@a.example:b@c.example>";
