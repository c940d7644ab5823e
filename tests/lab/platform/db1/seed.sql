-- SPDX-License-Identifier: GPL-3.0-or-later
CREATE DATABASE community CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
CREATE USER 'community'@'%' IDENTIFIED BY '@PASSWORD@';
GRANT ALL ON community.* TO 'community'@'%';
USE community;
CREATE TABLE users (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, name VARCHAR(60) NOT NULL UNIQUE, joined_at DATETIME NOT NULL) ENGINE=InnoDB;
CREATE TABLE profiles (user_id INT UNSIGNED PRIMARY KEY, bio VARCHAR(500) NOT NULL, changed_at DATETIME NOT NULL) ENGINE=InnoDB;
CREATE TABLE messages (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, token CHAR(36) CHARACTER SET ascii NOT NULL, body VARCHAR(2000) NOT NULL,
    sent_at DATETIME NOT NULL, KEY (token)) ENGINE=InnoDB;
CREATE TABLE digest_runs (slot CHAR(16) NOT NULL, host VARCHAR(60) NOT NULL, ran_at DATETIME NOT NULL) ENGINE=InnoDB;
CREATE TABLE audit_log (at DATETIME NOT NULL, what VARCHAR(200) NOT NULL) ENGINE=InnoDB;
INSERT INTO users (name, joined_at) SELECT CONCAT('user', seq), '2019-04-01' + INTERVAL seq DAY FROM seq_1_to_200;
INSERT INTO profiles SELECT id, CONCAT('I am number ', id, ' – grüß dich 🙂'), joined_at FROM users;
INSERT INTO messages (token, body, sent_at) SELECT INSERT(INSERT(INSERT(INSERT(MD5(seq), 9, 0, '-'), 14, 0, '-'), 19, 0, '-'), 24, 0, '-'),
    CONCAT('Message number ', seq), '2024-01-01' + INTERVAL seq MINUTE FROM seq_1_to_5000;
INSERT INTO audit_log SELECT '2024-01-01' + INTERVAL seq HOUR, CONCAT('entry ', seq) FROM seq_1_to_500;
